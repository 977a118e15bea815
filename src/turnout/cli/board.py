"""What is known of a running deployment, as rows: fed with events, drawn by the displays. No output here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from turnout import text
from turnout.events import Event

WINDOW = 5.0
"""Seconds over which the rate of an upload is taken."""
TAIL = 3
"""Lines of a running command's output that are shown."""


@dataclass
class Row:
    """One step, or one step on one host. `state` is waiting, running, not run, or one of events.STATUSES."""

    step: str
    host: str | None = None
    state: str = "waiting"
    detail: str = ""
    note: str = ""
    began: float = 0.0
    seconds: float = 0.0
    done: int = 0
    total: int = 0
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    samples: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended."""
        return self.state == "running"

    def elapsed(self, now: float) -> float:
        """Seconds since it began, or that it took."""
        return max(0.0, now - self.began) if self.running else self.seconds

    def progress(self, done: int, total: int, now: float) -> None:
        """Note how much of an upload is through."""
        self.done, self.total = done, total
        self.samples.append((now, done))
        while len(self.samples) > 2 and now - self.samples[0][0] > WINDOW:
            self.samples.popleft()

    @property
    def rate(self) -> float:
        """Bytes a second over the last WINDOW seconds; 0 when it is not known yet."""
        if len(self.samples) < 2:
            return 0.0
        (first, before), (last, now) = self.samples[0], self.samples[-1]
        return (now - before) / (last - first) if last > first else 0.0

    def says(self) -> str:
        """What it has to say at this moment."""
        if self.running and (self.done or self.total):
            return text.progress(self.done, self.total, self.rate)
        return self.note if self.running else self.detail


class Board:
    """All rows of one deployment, in the order of its plan."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.rows: list[Row] = []
        self.hosts: list[str] = []
        self.began = clock()
        self.latest: Row | None = None
        """The row whose command wrote last."""

    def feed(self, event: Event) -> Row | None:
        """Take in one event; the row that it is about, if it is about one."""
        if event.type == "deployment.started":
            self.hosts = [str(host) for host in event.data.get("hosts") or ()]
            self.rows = [Row(_name(step)) for step in event.data.get("steps") or ()]
            self.began = self.clock()
        if event.type == "deployment.finished":
            self._close()
        if event.step is None:
            return None
        row = self._row(event.step, event.host)
        _TAKE.get(event.type, _nothing)(self, row, event)
        return row

    def start(self, row: Row, _event: Event) -> None:
        """A step begins, or begins again."""
        row.state, row.began, row.note, row.detail = "running", self.clock(), "", ""
        row.done = row.total = 0
        row.tail.clear()
        row.samples.clear()

    def note(self, row: Row, event: Event) -> None:
        """Something to know about a running step."""
        row.note = text.harmless(str(event.data.get("message", "")))

    def output(self, row: Row, event: Event) -> None:
        """A line of a command's output."""
        line = text.lines(str(event.data.get("line", "")))[-1]
        if line.strip():
            row.tail.append(line)
            self.latest = row

    def advance(self, row: Row, event: Event) -> None:
        """Bytes went through."""
        row.progress(int(event.data.get("done") or 0), int(event.data.get("total") or 0), self.clock())

    def finish(self, row: Row, event: Event) -> None:
        """A step ended."""
        row.seconds = row.elapsed(self.clock()) if event.seconds is None else event.seconds
        row.state, row.detail = event.status or "done", text.harmless(str(event.data.get("detail") or ""))
        row.tail.clear()

    def _close(self) -> None:
        """Nothing comes any more: what still waits was not run, what still runs was stopped with the rest."""
        for row in self.rows:
            if row.state == "waiting":
                row.state, row.detail = "not run", "not run"
            elif row.running:
                row.seconds = row.elapsed(self.clock())
                row.state, row.detail = "failed", "stopped"
                row.tail.clear()

    def _row(self, step: str, host: str | None) -> Row:
        """The row of a step; with several hosts, each gets its own, below those of the same step."""
        mine = host if len(self.hosts) > 1 else None
        same = [position for position, row in enumerate(self.rows) if row.step == step]
        for position in same:
            row = self.rows[position]
            if row.host == mine:
                return row
            if row.host is None and row.state == "waiting":
                row.host = mine
                return row
        row = Row(step, mine)
        self.rows.insert(same[-1] + 1 if same else len(self.rows), row)
        return row


def _name(step: object) -> str:
    return str(step.get("name", "")) if isinstance(step, dict) else str(step)


def _nothing(_board: Board, _row: Row, _event: Event) -> None:
    """An event that a board has no use for."""


_TAKE: dict[str, Callable[[Any, Row, Event], None]] = {
    "step.started": Board.start,
    "step.note": Board.note,
    "step.output": Board.output,
    "step.progress": Board.advance,
    "step.finished": Board.finish,
}
