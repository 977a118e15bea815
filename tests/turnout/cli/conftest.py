"""A recorded deployment, a clock that is set by hand, and terminals that are texts."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from turnout.events import Bus, Event

STEPS = ["gate", "build", "package", "upload", "activate", "verify", "prune", "notify"]
HOST = "deploy@203.0.113.5"


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


Script = list[tuple[float, dict[str, Any]]]
"""Seconds that pass, then what is emitted."""


def started(hosts: list[str], **more: Any) -> dict[str, Any]:
    return {
        "type": "deployment.started",
        "command": "deploy",
        "hosts": hosts,
        "origins": {hosts[0]: "from VPS_HOST"},
        "path": "/srv/api",
        "steps": STEPS,
        "ref": "HEAD",
        "by": "ann@laptop",
        **more,
    }


def begin(step: str, host: str | None = None) -> dict[str, Any]:
    return {"type": "step.started", "step": step, "host": host}


def end(
    step: str, seconds: float, detail: str = "", status: str = "done", host: str | None = None
) -> dict[str, Any]:
    return {
        "type": "step.finished",
        "step": step,
        "host": host,
        "status": status,
        "seconds": seconds,
        "detail": detail,
    }


def sent(done: int, total: int, host: str = HOST) -> dict[str, Any]:
    return {
        "type": "step.progress",
        "step": "upload",
        "host": host,
        "done": done,
        "total": total,
        "unit": "bytes",
    }


def finished(result: str, exit_code: int, **more: Any) -> dict[str, Any]:
    facts = {"release": "v2", "previous": "v1", "seconds": 6.14, "bytes_sent": 61_234, "notes": [], **more}
    return {"type": "deployment.finished", "result": result, "exit_code": exit_code, **facts}


GOOD: Script = [
    (0, started([HOST])),
    (0, begin("gate")),
    (0.4, end("gate", 0.4, "3f2a1bc45d is on main; v1 runs now")),
    (0, begin("build")),
    (1.5, {"type": "step.output", "step": "build", "line": "> tsc\x1b[31m -p .\x1b[0m"}),
    (0.5, {"type": "step.output", "step": "build", "line": "src/app.ts: fine \x07"}),
    (1.0, end("build", 3.0, "npm run build")),
    (0, begin("package")),
    (0.1, end("package", 0.1, "213 files, the same as before", "reused")),
    (0, begin("upload", HOST)),
    (1.0, sent(12_000_000, 61_000_000)),
    (1.0, sent(24_000_000, 61_000_000)),
    (4.0, end("upload", 6.0, "61 MB", host=HOST)),
    (0, begin("activate", HOST)),
    (1.2, end("activate", 1.2, "v2 is current", host=HOST)),
    (0, begin("verify", HOST)),
    (0.3, {"type": "step.note", "step": "verify", "host": HOST, "message": "2 of 3 good answers"}),
    (10, end("verify", 10.3, "2 processes answer as v2", host=HOST)),
    (0, begin("prune", HOST)),
    (0, end("prune", 0.0, "nothing to remove", "skipped", host=HOST)),
    (0, begin("notify")),
    (0, end("notify", 0.0)),
    (0, finished("succeeded", 0, notes=["the working tree has uncommitted changes"])),
]
ERROR = {
    "message": "v3 did not become healthy",
    "where": "",
    "why": ["Error: Cannot find module 'x'", "    at Module._resolve \x1b[2J"],
    "remedy": ["turnout logs production", "mend it, then turnout deploy production"],
    "state": "serves as before: v2",
    "host": HOST,
    "step": "verify",
}
BAD: Script = [
    *GOOD[:16],
    (2, end("verify", 2.0, "not healthy", "failed", host=HOST)),
    (0, finished("reverted", 50, release="v3", previous="v2", error=ERROR)),
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def play(clock: Clock) -> Iterator[Callable[..., None]]:
    """Emit a script to a listener, time passing as it says."""

    def playing(script: Script, listener: Callable[[Event], None]) -> None:
        bus = Bus("d1", "production", clock)
        bus.listen(listener)
        for pause, facts in script:
            clock.now += pause
            bus.emit(**facts)

    return playing


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "NO_COLOR",
        "FORCE_COLOR",
        "VPS_HOST",
        "VPS_USER",
        "VPS_PORT",
        "VPS_SSH_KEY",
        "VPS_KNOWN_HOSTS",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
