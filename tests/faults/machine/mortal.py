"""Death at the N-th thing that a program does to the disk, in this very process, as truthful as `kill -9`.

An audit hook raises what no code catches. From then on the dead program changes nothing more: neither its `finally`
blocks nor its `except BaseException` do. A line that it was writing is left half written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CHANGES = frozenset(
    f"os.{name}" for name in ("rename", "symlink", "link", "mkdir", "remove", "rmdir", "truncate", "chmod")
)


class Killed(BaseException):
    """The program is gone; with `power` the whole machine is."""

    power = False


class Power(Killed):
    """Nothing that ran on this machine runs any more."""

    power = True


class Mortal:
    """Counts what programs change while they are at work; kills one at the count that was asked for."""

    def __init__(self) -> None:
        self._death, self._kind = 0, Killed
        self.dead: type[Killed] | None = None
        self.changes = 0

    def change(self) -> None:
        """Something is about to be changed; by a hand, when no program is at work."""
        if _here is not self:
            return
        if self.dead is None:
            self.changes += 1
            if self.changes == self._death:
                self.dead = self._kind
        if self.dead is not None:
            raise self.dead

    def bury(self, killed: Killed) -> None:
        """One program is over, and another one, which started it, sees that; after a power cut nobody does."""
        if killed.power:
            raise killed
        self.dead = None

    @contextmanager
    def at_work(self, death: int = 0, power: bool = False) -> Iterator[None]:
        """Programs run here; the one that comes to change number `death` (1 is the first) dies before it."""
        global _here
        _install()
        self._death, self._kind = death, Power if power else Killed
        _here, self.dead, self.changes = self, None, 0
        try:
            yield
        finally:
            _here, self.dead = None, None


_here: Mortal | None = None
_installed = False


def _install() -> None:
    """An audit hook stays for ever; one is enough."""
    global _installed
    if not _installed:
        sys.addaudithook(_hear)
        _installed = True


def _hear(event: str, words: tuple[Any, ...]) -> None:
    if _here is not None and (event in CHANGES or (event == "open" and _writes(words[2]))):
        _here.change()


def _writes(flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def torn(pwrite: Callable[[int, bytes, int], int]) -> Callable[[int, bytes, int], int]:
    """`os.pwrite`, of which a dying program leaves the first half."""

    def write(descriptor: int, data: bytes, offset: int) -> int:
        alive = _here is not None and _here.dead is None
        try:
            if _here is not None:
                _here.change()
        except Killed:
            if alive:
                pwrite(descriptor, data[: len(data) // 2], offset)
            raise
        return pwrite(descriptor, data, offset)

    return write
