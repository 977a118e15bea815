"""Lines of several hosts in the order of their time. Pure but for the caller's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

PATIENCE = 1.0
"""Seconds that a line waits at most for a host that may still have an older one."""


@dataclass(frozen=True)
class Line:
    """One line of a log. `ts` is its own stamp, None without one; `key` sorts it. Both in seconds since 1970."""

    host: str
    ts: float | None
    key: float
    stream: str
    text: str


class Merge:
    """Holds lines back until every host has told all that is older, or until PATIENCE is over."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._waiting: dict[str, deque[tuple[float, Line]]] = {host: deque() for host in hosts}
        self._told = dict.fromkeys(self._waiting, float("-inf"))

    def put(self, host: str, lines: Iterable[Line], told: float, now: float) -> None:
        """Take in what a host sent; it has told all lines up to the moment `told`. `now` is the caller's clock."""
        self._waiting[host].extend((now, line) for line in lines)
        self._told[host] = max(told, self._told[host])

    def forget(self, host: str) -> None:
        """The host has nothing more to tell; nobody waits for it."""
        self._told[host] = float("inf")

    def held(self, host: str) -> int:
        """Lines of a host that wait here."""
        return len(self._waiting[host])

    def ready(self, now: float) -> list[Line]:
        """The lines whose turn has come, in order."""
        found: list[Line] = []
        while True:
            heads = [(queue[0][1].key, host) for host, queue in self._waiting.items() if queue]
            if not heads:
                return found
            key, host = min(heads)
            # a host with lines here has shown its oldest one
            others = (self._told[one] for one, queue in self._waiting.items() if not queue)
            came = self._waiting[host][0][0]
            if key > min(others, default=float("inf")) and now - came < PATIENCE:
                return found
            found.append(self._waiting[host].popleft()[1])
