"""--trace FILE: when each step and each call to a host ran, for Chrome's trace viewer and for OpenTelemetry.

One JSON file is both: the viewer reads `traceEvents`, and an OTLP receiver `resourceSpans`; each ignores the rest.
Names of attributes are those of OpenTelemetry's conventions for CI/CD (`cicd.pipeline.…`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turnout import __version__
from turnout.errors import UsageError
from turnout.events import Event

RESULTS = {
    "succeeded": "success",
    "unchanged": "success",
    "done": "success",
    "reused": "success",
    "skipped": "skip",
    "refused": "failure",
    "reverted": "failure",
    "failed": "failure",
}
"""Of a deployment and of a step, in the words of OpenTelemetry."""
TYPES = {"build": "build", "rehearse": "test", "verify": "test"}


@dataclass
class Slice:
    """Something that took time. Seconds since 1970; `lane` is who did it: the deployer, a host, or calls to it."""

    name: str
    lane: str
    began: float
    ended: float
    attributes: dict[str, Any] = field(default_factory=dict)


class Trace:
    """Listens to a deployment, and writes the file when it has ended. Raises UsageError when it cannot be written."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._slices: list[Slice] = []
        self._began = 0.0
        self._command = ""
        try:
            file.write_text("{}\n")  # before anything is done
        except OSError as error:
            raise UsageError(
                f"the trace cannot be written: {error.strerror}",
                where=str(file),
                remedy="name another file after --trace",
            ) from None

    def feed(self, event: Event) -> None:
        """Take in one event."""
        self._began = self._began or event.ts
        if event.type == "deployment.started":
            self._command = f"{event.data['command']} {event.environment}"
        elif event.type == "step.finished":
            self._slices.append(_step(event))
        elif event.type == "host.calls":
            self._slices += _calls(event)
        elif event.type == "deployment.finished":
            whole = Slice(self._command, "deployment", self._began, event.ts, _whole(event, self._command))
            file = {"traceEvents": list(_chrome([whole, *self._slices])), "displayTimeUnit": "ms"}
            file |= {"resourceSpans": [_otlp(event.deployment, whole, self._slices)]}
            self.file.write_text(json.dumps(file) + "\n")


def _step(event: Event) -> Slice:
    attributes = {
        "cicd.pipeline.task.name": event.step,
        "cicd.pipeline.task.run.id": "/".join(
            [event.deployment, str(event.step), *([event.host] if event.host else [])]
        ),
        "cicd.pipeline.task.type": TYPES.get(str(event.step), "deploy"),
        "cicd.pipeline.task.run.result": RESULTS.get(str(event.status), "error"),
        "turnout.status": event.status,
        "turnout.detail": event.data.get("detail", ""),
    }
    began = event.ts - (event.seconds or 0.0)
    return Slice(str(event.step), event.host or "deployer", began, event.ts, attributes)


def _calls(event: Event) -> Iterator[Slice]:
    for call in event.data["calls"]:
        attributes = {"rpc.method": call["call"], "server.address": event.host}
        yield Slice(
            call["call"], f"calls to {event.host}", call["ts"], call["ts"] + call["seconds"], attributes
        )


def _whole(event: Event, command: str) -> dict[str, Any]:
    return {
        "cicd.pipeline.name": command,
        "cicd.pipeline.action.name": "RUN",
        "cicd.pipeline.run.id": event.deployment,
        "cicd.pipeline.result": RESULTS.get(str(event.data["result"]), "error"),
        "turnout.result": event.data["result"],
        "turnout.release": event.data.get("release") or "",
        "turnout.bytes_sent": event.data["bytes_sent"],
    }


def _chrome(slices: Iterable[Slice]) -> Iterator[dict[str, Any]]:
    """Microseconds. What overlaps in a lane gets a row of its own, since the viewer would nest it."""
    rows: dict[str, list[float]] = {}
    numbers: dict[tuple[str, int], int] = {}
    for one in sorted(slices, key=lambda one: (one.began, -one.ended)):
        ends = rows.setdefault(one.lane, [])
        row = next((at for at, end in enumerate(ends) if end <= one.began), len(ends))
        ends[row : row + 1] = [one.ended]
        if (one.lane, row) not in numbers:
            numbers[one.lane, row] = len(numbers) + 1
            yield {
                "name": "thread_name",
                "ph": "M",
                "pid": 1,
                "tid": numbers[one.lane, row],
                "args": {"name": one.lane},
            }
        yield {
            "name": one.name,
            "cat": one.lane,
            "ph": "X",
            "pid": 1,
            "tid": numbers[one.lane, row],
            "ts": round(one.began * 1e6),
            "dur": round((one.ended - one.began) * 1e6),
            "args": one.attributes,
        }


def _otlp(deployment: str, whole: Slice, slices: list[Slice]) -> dict[str, Any]:
    """One trace: the deployment, below it the steps and the calls."""
    trace = _id(deployment, 32)
    root = _span(trace, deployment, whole, None)
    spans = [_span(trace, f"{deployment} {number}", one, root["spanId"]) for number, one in enumerate(slices)]
    resource = {"service.name": "turnout", "service.version": __version__}
    scope = {"scope": {"name": "turnout"}, "spans": [root, *spans]}
    return {"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}


def _span(trace: str, name: str, one: Slice, parent: str | None) -> dict[str, Any]:
    failed = one.attributes.get("cicd.pipeline.task.run.result", one.attributes.get("cicd.pipeline.result"))
    return {
        "traceId": trace,
        "spanId": _id(name, 16),
        **({"parentSpanId": parent} if parent else {}),
        "name": one.name if parent else f"RUN {one.name}",
        "kind": 1 if parent else 2,  # internal; server
        "startTimeUnixNano": str(round(one.began * 1e9)),
        "endTimeUnixNano": str(round(one.ended * 1e9)),
        "attributes": _attributes(one.attributes),
        "status": {"code": 2 if failed in ("failure", "error") else 1},
    }


def _id(name: str, digits: int) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:digits]


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)},
        }
        for key, value in values.items()
    ]
