"""How hard an upload is compressed: as hard as the link leaves time for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = 1 << 20
"""Bytes of contents that the highest level takes no time to think about."""
SMALLEST, LEVELS = 19, (9, 5, 1)
"""Levels of zstd: for what is SMALL; the others, each of which takes about twice as long as the one behind it."""
SECTION = 2 << 20
"""Compressed bytes between two looks: large enough that a folder which is hard to compress does not count for all."""
BUFFERS = 1
"""Sections at a new level that tell nothing: buffers on the way still give, or take, what another level has left. And
a new level is a new frame, which knows nothing of what went before (docs/facts.md): changes must be few."""
LITTLE, MUCH = 0.1, 3.0
"""Seconds that the link is waited for, for each one of compressing: fewer, and it is the link that waits; more, and
there is time for the next level, wherever that takes four times as long."""


class Pace:
    """Chooses the level of a stream. Begin with `total` bytes of contents; tell it of all that is handed on.

    What is handed on is sent while more is compressed. It compares, section by section, the seconds in which the link
    was waited for with those spent on compressing: so it needs no figure for either, and is right on a busy machine as
    well.
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.level = SMALLEST if total <= SMALL else LEVELS[0]
        self._clock, self._at = clock, clock()
        self._sent, self._settled, self._look = 0, BUFFERS * SECTION, (BUFFERS + 1) * SECTION
        self._working = self._waiting = 0.0

    def made(self, size: int) -> None:
        """So many compressed bytes are ready, and are handed on now."""
        self._working += self._passed()
        self._sent += size

    def taken(self) -> None:
        """They were taken; `level` is the one to go on with."""
        self._waiting += self._passed()
        if self._sent >= self._look:
            before = self.level
            self._choose()
            self._settled = self._sent + (BUFFERS * SECTION if self.level != before else 0)
            self._look = self._settled + SECTION
        if self._sent <= self._settled:
            self._working = self._waiting = 0.0

    def _choose(self) -> None:
        if self.level == SMALLEST:
            return
        at = LEVELS.index(self.level)
        if self._waiting < LITTLE * self._working:
            self.level = LEVELS[min(at + 1, len(LEVELS) - 1)]
        elif self._waiting > MUCH * self._working:
            self.level = LEVELS[max(at - 1, 0)]

    def _passed(self) -> float:
        before, self._at = self._at, self._clock()
        return self._at - before
