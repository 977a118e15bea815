"""Who was started by whom: the kernel says each fork and each end (proc connector), so that none is missed.

It costs what is measured nothing. It takes root and Linux; elsewhere `Census.opened()` counts nothing.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Iterable
from typing import NamedTuple

CONNECTOR = 11
LISTEN, IGNORE = 1, 2
FORK = 0x1
SO_RCVBUFFORCE = 33
HEAD = struct.Struct("=IHHII IIIIHH IIQ")
"""nlmsghdr, cn_msg, and the beginning of proc_event: what, cpu, time."""
FORKED = struct.Struct("=IIII")


class Forked(NamedTuple):
    """A process that began; threads are left out."""

    parent: int
    child: int


class Census:
    """`with Census() as census:`; `family(roots)` are all who descend from them and began since."""

    def __init__(self) -> None:
        self.counts = True
        self._forks: list[Forked] = []
        self._over = threading.Event()

    def __enter__(self) -> Census:
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, CONNECTOR)  # type: ignore[attr-defined]
            self._socket.bind((0, 1))
            self._say(LISTEN)
        except OSError:
            self.counts = False
            return self
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "_thread"):
            self._over.set()
            self._thread.join()
            self._say(IGNORE)
            self._socket.close()

    def family(self, roots: Iterable[int]) -> list[int]:
        """Pids, in the order in which they began; the roots are not among them."""
        known, found = set(roots), []
        for parent, child in tuple(self._forks):
            if parent in known:
                known.add(child)
                found.append(child)
        return found

    def _say(self, what: int) -> None:
        body = struct.pack("=IIIIHHI", 1, 1, 0, 0, 4, 0, what)
        self._socket.send(struct.pack("=IHHII", 16 + len(body), 3, 0, 0, os.getpid()) + body)

    def _listen(self) -> None:
        while not self._over.is_set():
            if select.select([self._socket], [], [], 0.05)[0]:
                try:
                    forked = parsed(self._socket.recv(4096))
                except OSError:  # too many at once for the queue: some are lost
                    self.counts = False
                    return
                if forked:
                    self._forks.append(forked)


def parsed(message: bytes) -> Forked | None:
    """The fork that a message of the kernel tells of, if it does."""
    if len(message) < HEAD.size + FORKED.size or HEAD.unpack_from(message)[11] != FORK:
        return None
    _, parent, thread, child = FORKED.unpack_from(message, HEAD.size)
    return Forked(parent, child) if thread == child else None
