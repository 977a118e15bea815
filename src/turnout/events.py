"""What a deployment tells while it runs: plain events on a bus. Displays and --json listen; nobody else prints.

Types: deployment.started · deployment.revision · deployment.changes · step.started · step.progress · step.note ·
step.output · step.finished · deployment.finished. Fields are those of docs/json.md; `status` of a finished step is one
of STATUSES.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

VERSION = 1
STATUSES = ("done", "reused", "skipped", "failed", "refused")


@dataclass(frozen=True)
class Event:
    """One thing that happened. `ts` is in seconds since 1970; `data` holds what the type adds."""

    type: str
    deployment: str
    seq: int
    ts: float
    environment: str | None = None
    host: str | None = None
    step: str | None = None
    status: str | None = None
    seconds: float | None = None
    data: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The event as the line of --json; fields that do not apply are left out."""
        head: dict[str, Any] = {
            "v": VERSION,
            "ts": round(self.ts, 3),
            "seq": self.seq,
            "type": self.type,
            "deployment": self.deployment,
        }
        optional = {
            "environment": self.environment,
            "host": self.host,
            "step": self.step,
            "status": self.status,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
        }
        return head | {key: value for key, value in optional.items() if value is not None} | self.data


class Bus:
    """Numbers events and hands each to every listener, in order."""

    def __init__(
        self, deployment: str, environment: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.deployment, self.environment = deployment, environment
        self._clock, self._seq = clock, 0
        self._listeners: list[Callable[[Event], None]] = []

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with every later event."""
        self._listeners.append(listener)

    def emit(
        self,
        type: str,  # noqa: A002 - the field's name in docs/json.md
        *,
        host: str | None = None,
        step: str | None = None,
        status: str | None = None,
        seconds: float | None = None,
        **data: Any,
    ) -> None:
        """Send one event to all listeners."""
        self._seq += 1
        event = Event(
            type,
            self.deployment,
            self._seq,
            self._clock(),
            self.environment,
            host,
            step,
            status,
            seconds,
            data,
        )
        for listener in self._listeners:
            listener(event)
