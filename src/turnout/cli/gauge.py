"""What `monit` remembers of every host and process, and how it is drawn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from turnout import text
from turnout.cli.out import Line, columns, fold, named, shown
from turnout.errors import TurnoutError

if TYPE_CHECKING:
    from rich.console import RenderableType

KEPT = 30
"""Values that a sparkline shows."""
BARS = "▁▂▃▄▅▆▇█"
HEAD = ["process", "pid", "status", "cpu", "", "memory", "", "restarts", "uptime", "answers in", ""]
RIGHT = (1, 3, 5, 7, 8, 9)
DRAWN = (4, 6, 10)
"""Columns of sparklines."""
SHORTEST = 8
"""Values that a sparkline shows at least."""


@dataclass
class Gauge:
    """One host: its last answer, why there is none, and the last values by process and by what was measured."""

    name: str
    last: dict[str, Any] = field(default_factory=dict)
    problem: str = "connecting"
    values: dict[tuple[Any, str], deque[float | None]] = field(default_factory=dict)

    def take(self, answer: dict[str, Any] | TurnoutError) -> None:
        """Remember an answer, or that there was none."""
        if isinstance(answer, TurnoutError):
            self.problem = answer.message
            return
        self.last, self.problem = answer, ""
        present = set()
        for one in answer["processes"]:
            for what in ("cpu", "memory", "seconds"):
                key = (one["id"], what)
                present.add(key)
                self.values.setdefault(key, deque(maxlen=KEPT)).append(one[what])
        self.values = {key: values for key, values in self.values.items() if key in present}

    def line(self, process: Any, what: str) -> str:
        """The sparkline of one value of one process."""
        return sparkline(self.values.get((process, what), ()), 100.0 if what == "cpu" else 0.0)


def sparkline(values: Sequence[float | None], least: float = 0.0) -> str:
    """A bar a value, against the largest one (or `least`, if that is more); a gap where there was none."""
    top = max([least, *(value for value in values if value is not None)], default=0.0)
    return "".join(
        " "
        if value is None
        else BARS[min(len(BARS) - 1, int(value / top * len(BARS)))]
        if top > 0
        else BARS[0]
        for value in values
    )


def lines(gauges: Sequence[Gauge], room: int = 0) -> Iterator[Line]:
    """Everything as lines; with sparklines where there is a terminal, which has `room` columns."""
    for gauge in gauges:
        yield from fold([headline(gauge)], room)
        rows = [_row(gauge, one) for one in gauge.last.get("processes") or []]
        if rows:
            yield from _table(gauge, rows, room)


def _table(gauge: Gauge, rows: list[list[str]], room: int) -> Iterator[Line]:
    """Sparklines stand beside their values, or, where they would be too short to tell anything, below them."""
    plain = [at for at in range(len(HEAD)) if at not in DRAWN]
    taken = 2 + sum(max(text.width(row[at]) for row in (HEAD, *rows)) + 2 for at in plain)
    bars = min(KEPT, (room - taken) // len(DRAWN) - 2)
    kept = list(range(len(HEAD))) if bars >= SHORTEST else plain
    cells = [[row[at][-bars:] if at in DRAWN else row[at] for at in kept] for row in rows]
    right = [kept.index(at) for at in RIGHT]
    head, *others = columns([[HEAD[at] for at in kept], *cells], "  ", right, room, (kept.index(1),))
    yield "dim", head
    for one, row, line in zip(gauge.last["processes"], rows, others, strict=True):
        yield "" if one["status"] == "online" else "yellow", line
        if room and kept is plain:
            part = max(1, (room - 34) // len(DRAWN))
            cpu, memory, answers = (row[at][-part:].ljust(part) for at in DRAWN)
            yield "dim", text.cut(f"    cpu {cpu}  memory {memory}  answers in {answers}", room)


def headline(gauge: Gauge) -> Line:
    """The host, what it runs, whether it answers, how busy it is."""
    last = gauge.last
    if not last:
        return "yellow", f"! {named(gauge.name, gauge.problem)}"
    well = last["ok"] and not gauge.problem
    answer = f"{float(last['seconds']) * 1000:.0f} ms" if last.get("seconds") is not None else "no answer"
    parts = [
        gauge.name,
        shown(last.get("release")),
        answer if well else gauge.problem or last["reason"] or answer,
    ]
    machine = last.get("machine") or {}
    if machine:
        memory, disk = machine["memory"], machine["disk"]
        parts += [f"load {machine['load']:.2f} of {machine['cpus']}"]
        parts += [f"{text.size(memory['available'] or 0)} of {text.size(memory['total'] or 0)} memory free"]
        parts += [f"{text.size(disk['free'])} of {text.size(disk['total'])} disk free"]
    return "green" if well else "yellow", f"{'✓' if well else '!'} {' · '.join(parts)}"


def _row(gauge: Gauge, one: dict[str, Any]) -> list[str]:
    seconds = one.get("seconds")
    return [
        text.harmless(f"{one['name']} {one['id']}"),
        shown(one["pid"]),
        shown(one["status"]),
        f"{float(one['cpu']):.0f} %",
        gauge.line(one["id"], "cpu"),
        text.size(float(one["memory"])),
        gauge.line(one["id"], "memory"),
        shown(one["restarts"]),
        text.ago(float(one["uptime"])),
        "-" if seconds is None else f"{float(seconds) * 1000:.1f} ms",
        gauge.line(one["id"], "seconds"),
    ]


def drawn(title: str, gauges: Sequence[Gauge], room: int) -> RenderableType:
    """The whole screen for rich, in `room` columns; a line that is still too long is cut, not wrapped."""
    from rich.console import Group
    from rich.text import Text

    whole = [("bold", title), *lines(gauges, room), ("dim", "q ends")]
    return Group(
        *(Text(text.harmless(line), style, no_wrap=True, overflow="ellipsis") for style, line in whole)
    )
