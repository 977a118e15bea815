"""Carries events to someone far away, without the deployment ever waiting for it or failing with it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnout.events import Event

PATIENCE = 15.0
"""Seconds that `close` waits for what is still under way."""


class Courier:
    """Hands events, in order, to `tell` in a thread of its own; `wanted` are the types that are carried.

    `tell` raises what people should know; each such text is kept once, and the next event is carried all the same.
    """

    def __init__(self, name: str, tell: Callable[[Event], None], wanted: frozenset[str]) -> None:
        self.name, self.problems = name, list[str]()
        self._tell, self._wanted = tell, wanted
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._carry, name=name, daemon=True)
        self._thread.start()

    def feed(self, event: Event) -> None:
        """Take in one event; never waits, never raises."""
        if event.type in self._wanted:
            self._events.put(event)

    def close(self, patience: float = PATIENCE) -> list[str]:
        """Wait until all is told, `patience` seconds at most; gives what went wrong, in words."""
        self._events.put(None)
        self._thread.join(patience)
        if self._thread.is_alive():
            self._fault(f"no answer within {patience:.0f} s")
        return list(self.problems)

    def _carry(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                self._tell(event)
            except Exception as error:  # noqa: BLE001 - whatever it is, the deployment goes on
                self._fault(str(error) or type(error).__name__)

    def _fault(self, why: str) -> None:
        problem = f"{self.name} could not be told: {why}"
        if problem not in self.problems:
            self.problems.append(problem)
