"""How hard an upload is compressed: as hard as the link leaves time for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = 1 << 20
"""Bytes of contents that the highest level takes no time to think about."""
SMALLEST, SMALLER, FAST = 19, 9, 3
"""Levels of zstd: for what is SMALL; where the link is the slower one; where the compressor would be."""
SECTION = 1 << 20
"""Compressed bytes between two looks. The first two sections tell nothing: buffers on the way take them at once."""
BUFFERS = 2
MUCH = 4
"""The link must take this many times as long as level 3 before level 9 (about 2.5 times as slow) is worth it."""


class Pace:
    """Chooses the level of a stream. Begin with `total` bytes of contents; tell it of all that is handed on.

    It compares, section by section, the seconds in which the link was waited for with those spent on compressing: so it
    needs no figure for either, and is right on a busy machine as well.
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.level = SMALLEST if total <= SMALL else SMALLER
        self._clock, self._at = clock, clock()
        self._sent, self._look = 0, (BUFFERS + 1) * SECTION
        self._working = self._waiting = 0.0

    def made(self, size: int) -> None:
        """So many compressed bytes are ready, and are handed on now."""
        self._working += self._passed()
        self._sent += size

    def taken(self) -> None:
        """They were taken; `level` is the one to go on with."""
        self._waiting += self._passed()
        if self._sent <= BUFFERS * SECTION:
            self._working = self._waiting = 0.0
        if self._sent >= self._look:
            self._choose()
            self._look = self._sent + SECTION
            self._working = self._waiting = 0.0

    def _choose(self) -> None:
        if self.level == SMALLER and self._waiting < self._working:
            self.level = FAST
        elif self.level == FAST and self._waiting > MUCH * self._working:
            self.level = SMALLER

    def _passed(self) -> float:
        before, self._at = self._at, self._clock()
        return self._at - before
