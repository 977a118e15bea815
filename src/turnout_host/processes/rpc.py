"""PM2's daemon asked directly over PM2_HOME/rpc.sock: 1 ms instead of 170 ms for the command line (FACTS).

axon's request and reply, read in PM2 7.0.4's modules/pm2-axon and amp: a message is one byte (version 1, number of
arguments), then each argument as a 4-byte length and bytes that begin with `j:` (JSON) or `s:` (text).
"""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from typing import Any, List, Tuple

ID = b"s:turnout:0"
LIMIT = 64 << 20


class RpcError(Exception):
    """The daemon is not there, did not answer in time, or answered with an error."""


def call(path: str, method: str, args: List[Any], timeout: float) -> Any:
    """The first value that the daemon's `method` answers with; `timeout` in seconds for all of it."""
    return ask(path, method, args, timeout)[0]


def ask(path: str, method: str, args: List[Any], timeout: float) -> Tuple[Any, int]:
    """The answer, and the daemon's pid as the kernel knows it. No daemon is ever started by this."""
    with Request(path, method, args, timeout) as request:
        return request.answer(), request.pid


class Request:
    """What was asked of the daemon and is answered later, `timeout` seconds from now at the latest."""

    def __init__(self, path: str, method: str, args: List[Any], timeout: float) -> None:
        """Ask. Raises RpcError when the daemon is not there."""
        self._method, self._deadline = method, time.monotonic() + timeout
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        text = json.dumps({"type": "call", "method": method, "args": args}).encode("utf-8")
        try:
            self._connection.settimeout(timeout)
            self._connection.connect(path)
            self.pid = peer(self._connection)
            self._connection.sendall(_message([b"j:" + text, ID]))
        except OSError as error:
            self._connection.close()
            raise self._silent(error) from error

    def answered(self) -> bool:
        """Would `answer` say it, or raise, at once?"""
        return time.monotonic() > self._deadline or bool(select.select([self._connection], [], [], 0)[0])

    def answer(self) -> Any:
        """The first value of the answer. Raises RpcError."""
        try:
            answer = _reply(_Stream(self._connection, self._deadline))
        except (OSError, ValueError) as error:
            raise self._silent(error) from error
        if "error" in answer:
            raise RpcError(str(answer["error"]))
        return (answer.get("args") or [None])[0]

    def _silent(self, error: Exception) -> RpcError:
        return RpcError(f"PM2's daemon does not answer {self._method}: {error}")

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def daemon_pid(path: str, timeout: float = 1.0) -> int:
    """The pid of the daemon that holds this socket, 0 when there is none. It may hang; it is there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(path)
        except OSError:
            return 0
        return peer(connection)


def peer(connection: socket.socket) -> int:
    """The pid of the process that listens at the other end."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0])


class _Stream:
    """Bytes of one connection until one deadline for all of them."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline

    def exactly(self, count: int) -> bytes:
        if count > LIMIT:
            raise ValueError("an argument of that size is no answer")
        data = bytearray()
        while len(data) < count:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout("timed out")
            self._connection.settimeout(left)
            part = self._connection.recv(min(1 << 20, count - len(data)))
            if not part:
                raise ValueError("the connection was closed")
            data += part
        return bytes(data)


def _message(args: List[bytes]) -> bytes:
    return bytes([1 << 4 | len(args)]) + b"".join(struct.pack(">I", len(arg)) + arg for arg in args)


def _reply(stream: _Stream) -> Any:
    """The JSON argument of the reply: `{args: […]}` or `{error: …}`."""
    count = stream.exactly(1)[0] & 0xF
    args = [stream.exactly(struct.unpack(">I", stream.exactly(4))[0]) for _ in range(count)]
    for arg in args:
        if arg[:2] == b"j:":
            found = json.loads(arg[2:].decode("utf-8", "replace"))
            if isinstance(found, dict):
                return found
    raise ValueError("not a reply")
