from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout_host.processes import rpc


@pytest.fixture
def listener(tmp_path, monkeypatch) -> Iterator[socket.socket]:
    monkeypatch.chdir(tmp_path)  # a socket's path has at most 107 characters
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind("rpc.sock")
        server.listen()
        yield server


def answering(server: socket.socket, reply: bytes, seen: list[bytes]) -> threading.Thread:
    def serve() -> None:
        with server.accept()[0] as connection:
            seen.append(connection.recv(65536))
            for start in range(0, len(reply), 7):
                connection.sendall(reply[start : start + 7])

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def message(*args: bytes) -> bytes:
    return bytes([0x10 | len(args)]) + b"".join(struct.pack(">I", len(arg)) + arg for arg in args)


def test_request_and_reply(listener):
    """A request is axon's: one JSON argument and an id; the reply may come in any pieces."""
    seen: list[bytes] = []
    thread = answering(listener, message(b'j:{"args":[[{"name":"\xc3\xa9"}]]}', b"s:turnout:0"), seen)
    assert rpc.ask("rpc.sock", "getMonitorData", [{}], 5) == ([{"name": "é"}], os.getpid())
    thread.join()
    assert seen[0][:1] == b"\x12"
    assert b'"method": "getMonitorData", "args": [{}]' in seen[0]


@pytest.mark.parametrize(
    "reply, why",
    [
        (message(b'j:{"error":"Reload already in progress"}', b"s:1"), "Reload already in progress"),
        (b"", "closed"),
        (b"\x12\x00\x00", "closed"),
        (b"\x11\xff\xff\xff\xff", "no answer"),
        (message(b"j:{", b"s:1"), "does not answer"),
        (message(b"s:hello"), "not a reply"),
    ],
)
def test_what_is_no_answer(listener, reply, why):
    """An error of the daemon and nonsense are both an RpcError that says so."""
    thread = answering(listener, reply, [])
    with pytest.raises(rpc.RpcError, match=why):
        rpc.call("rpc.sock", "getVersion", [{}], 5)
    thread.join()


def test_a_daemon_that_hangs(listener):
    """It is there, by the kernel's word, but its answer is not waited for without end."""
    assert rpc.daemon_pid("rpc.sock") == os.getpid()
    with pytest.raises(rpc.RpcError, match="timed out"):
        rpc.call("rpc.sock", "getVersion", [{}], 0.1)


def test_no_daemon(tmp_path):
    """Nobody there is said, and a socket file that a killed daemon left is nobody."""
    assert rpc.daemon_pid(str(tmp_path / "none.sock")) == 0
    with pytest.raises(rpc.RpcError):
        rpc.call(str(tmp_path / "none.sock"), "getVersion", [{}], 1)
    left = Path(os.path.relpath(tmp_path / "left.sock"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(left))
    assert left.exists()
    assert rpc.daemon_pid(str(left)) == 0


def test_requests_are_json(listener):
    """What is sent can be read back as JSON."""
    seen: list[bytes] = []
    thread = answering(listener, message(b'j:{"args":[]}', b"s:1"), seen)
    assert rpc.call("rpc.sock", "x", [{"é": 'a"b'}], 5) is None
    thread.join()
    length = struct.unpack(">I", seen[0][1:5])[0]
    assert json.loads(seen[0][7 : 5 + length]) == {"type": "call", "method": "x", "args": [{"é": 'a"b'}]}
