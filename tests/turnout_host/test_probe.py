from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.turnout_host.site import Server
from turnout_host.probe import Probe


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def start(reply: Callable[[socket.socket], None] | bytes) -> Server:
        made.append(Server(reply if callable(reply) else lambda connection: connection.sendall(reply)))
        return made[-1]

    yield start
    for server in made:
        server.close()


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "reply, ok, status, body, reason",
    [
        (http("200 OK", b'{"pid": 3}'), True, 200, {"pid": 3}, ""),
        (http("204 No Content"), True, 204, None, ""),
        (http("200 OK", b"fine"), True, 200, None, ""),
        (http("200 OK", b"[1]"), True, 200, None, ""),
        (http("200 OK", b'{"status": "\xff"}'), True, 200, None, ""),
        (http("200 OK", b"[" * 60000), True, 200, None, ""),
        (http("500 Oops", b'{"release": "v2"}'), False, 500, {"release": "v2"}, "status 500"),
        (http("503 Busy"), False, 503, None, "status 503"),
        (http("301 Moved", b"", "Location: /"), False, 301, None, "a redirect"),
        (b"SSH-2.0-OpenSSH\r\n", False, None, None, "no HTTP"),
        (b"", False, None, None, "cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", False, None, None, "cut"),
    ],
)
def test_answers(serve, reply, ok, status, body, reason):
    """Only a whole 2xx is ok; everything else says why in plain words."""
    server = serve(reply)
    answer = Probe(server.port, "/health", 5).ask()
    assert (answer.ok, answer.status, answer.body) == (ok, status, body)
    assert reason in answer.reason
    assert bool(answer.reason) != ok


def test_refused():
    """Nobody listening is an answer, not an exception."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    answer = Probe(port, "/", 5).ask()
    assert (answer.ok, answer.status, answer.reason) == (False, None, "the connection was refused")


def test_one_byte_after_another_is_too_slow(serve):
    """The deadline is for the whole answer: bytes that keep arriving do not prolong it."""
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        for byte in http("200 OK", b"x" * 1000):
            connection.sendall(bytes([byte]))
            if stop.wait(0.05):
                return

    server = serve(drip)
    try:
        answer = Probe(server.port, "/", 0.4).ask()
    finally:
        stop.set()
    assert (answer.status, answer.reason) == (None, "no whole answer within 0.4 s")


def test_silence_is_too_slow(serve):
    """An app that accepts and says nothing is given up at the deadline."""
    stop = threading.Event()
    server = serve(lambda connection: stop.wait(20))
    try:
        assert Probe(server.port, "/", 0.2).ask().reason == "no whole answer within 0.2 s"
    finally:
        stop.set()


def test_an_endless_body_is_not_read_to_its_end(serve):
    """At most 64 kB of a body are read."""
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 70000)
    answer = Probe(server.port, "/", 5).ask()
    assert (answer.ok, answer.body) == (True, None)


def test_every_question_is_a_new_connection(serve):
    """Three questions are three connections, so a cluster hands them to different workers."""
    server = serve(http("200 OK", b"{}"))
    probe = Probe(server.port, "/", 5)
    assert all(probe.ask().ok for _ in range(3))
    assert server.count == 3


def test_an_app_on_localhost_of_ipv6_is_found():
    """Node may bind "localhost" to ::1 only; the probe then asks there."""
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with server:
        thread = threading.Thread(target=lambda: server.accept()[0].sendall(http("200 OK", b"{}")))
        thread.start()
        assert Probe(server.getsockname()[1], "/", 5).ask().ok
        thread.join()
