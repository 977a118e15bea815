"""Whether a link does what it says: a plain copy and plain questions through it, timed from outside."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from tests.benchmarks import link
from tests.benchmarks.link import Shape

SECONDS = 2.0
"""How long the copy should take on a limited link."""
FREE = 200_000_000
"""Bytes of the copy where nothing limits it."""
ASKED = 20


class Checked(NamedTuple):
    """Megabits a second of a copy, milliseconds of a question and its answer, and of a connection's first answer."""

    mbit: float
    ms: float
    first_ms: float


def check(shape: Shape) -> Checked:
    """Send zeros one way and wait for the answer to the last; then ask one byte at a time."""
    size = int(shape.mbit * 125_000 * SECONDS) or FREE
    with answering() as port, link.opened(port, shape) as opened:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", opened.port)) as talk:
            talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ask(talk)
            first = time.monotonic() - began
            trip = min(ask(talk) for _ in range(ASKED))
            began = time.monotonic()
            talk.sendall(bytes(size))
            ask(talk)
            took = time.monotonic() - began - trip
    return Checked(size / took / 125_000, trip * 1000, first * 1000)


def ask(talk: socket.socket) -> float:
    """Seconds until the far side answers a 1; zeros before it are only taken."""
    began = time.monotonic()
    talk.sendall(b"\1")
    assert talk.recv(1) == b"\2"
    return time.monotonic() - began


@contextlib.contextmanager
def answering() -> Iterator[int]:
    """The port of a server for one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def _answer(server: socket.socket) -> None:
    talk, _ = server.accept()
    with talk:
        talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := talk.recv(1 << 18):
            if data.endswith(b"\1"):
                talk.sendall(b"\2")


def told() -> dict[str, str]:
    """Each link that limits, and what a plain copy and a plain question met on it."""
    found = {name: check(shape) for name, shape in link.LINKS.items()}
    return {
        f"the link of {name}": f"a copy at {one.mbit:,.1f} Mbit/s, a round trip of {one.ms:.1f} ms"
        for name, one in found.items()
    }


if __name__ == "__main__":
    print("\n".join(f"{name}: {what}" for name, what in told().items()))
