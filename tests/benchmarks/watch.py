"""Peak memory and processor time of processes that are not ours to wait for: looked at until they are gone.

The kernel keeps both as running totals, so the last look, at most PERIOD before the end, is what is told.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

PERIOD = 0.03
"""Seconds between two looks."""
TICKS = os.sysconf("SC_CLK_TCK")


class Watch:
    """`with Watch(pids, words) as watch:` looks at those of `pids()` whose command line has `words`."""

    def __init__(self, pids: Callable[[], Iterable[int]], words: bytes) -> None:
        self._pids, self._words = pids, words
        self._ours: dict[int, bool] = {}
        self._memory: dict[int, int] = {}
        self._cpu: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    @property
    def memory(self) -> int:
        """Bytes: the most that one of them held."""
        return max(self._memory.values(), default=0)

    @property
    def cpu(self) -> float:
        """Seconds of all of them together."""
        return sum(self._cpu.values())

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._over.wait(PERIOD):
            for pid in self._pids():
                self._look(pid)

    def _look(self, pid: int) -> None:
        try:
            if not self._ours.get(pid):
                # a fork has its parent's command line until it becomes something else, so a no is asked again
                self._ours[pid] = self._words in Path(f"/proc/{pid}/cmdline").read_bytes()
            if self._ours[pid]:
                self._memory[pid] = peak(pid) or self._memory.get(pid, 0)
                self._cpu[pid] = cpu(pid)[0]
        except OSError:
            return


def peak(pid: int) -> int:
    """Bytes of memory that a living process held at its most; 0 for one that has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def cpu(pid: int) -> tuple[float, float]:
    """Seconds of processor time of a process, and of the children that it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return own / TICKS, children / TICKS
