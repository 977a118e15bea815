"""How long nobody answers while PM2 reloads an app in fork mode: measured by asking all the time (FACTS)."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Optional, Type

from turnout_host.errors import HostError
from turnout_host.probe import Probe
from turnout_host.processes.pm2 import PM2

PAUSE = 0.02
"""Seconds between two questions, and so how exact the figure is."""
USUAL = 0.5
"""Seconds, where nothing was measured or rehearsed yet (FACTS, Dropped requests)."""
RESTART = 0.2
"""Seconds that PM2 needs to end a process and start another one (FACTS: a gap of 0.5 s with a boot of 0.3 s)."""
CURE = "`exec_mode: 'cluster'` in its PM2 file has no such gap"


def foreseen(boot_seconds: float) -> float:
    """The gap of an app that boots for so long, in seconds."""
    return round(boot_seconds + RESTART, 1)


def forked(pm2: PM2) -> bool:
    """Does the app that answers run in fork mode now? False where nobody can tell: a figure is worth no failure."""
    try:
        return any(one.mode == "fork" for one in pm2.processes() if one.name == pm2.main())
    except HostError:
        return False


class Gap:
    """While it is entered, a thread asks `probe`; `seconds` is the longest time between two good answers so far."""

    def __init__(self, probe: Probe) -> None:
        self._probe, self._over = probe, threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gap", daemon=True)
        self.seconds = 0.0

    def __enter__(self) -> Gap:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        good: Optional[float] = None
        while not self._over.wait(PAUSE):
            if self._probe.ask().ok:
                now = time.monotonic()
                self.seconds = round(max(self.seconds, now - good if good is not None else 0.0), 2)
                good = now
