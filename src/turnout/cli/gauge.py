"""What `monit` remembers of every host and process, and how it is drawn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from turnout import text
from turnout.cli.out import Line, columns, shown
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


def lines(gauges: Sequence[Gauge], bars: bool = False) -> Iterator[Line]:
    """Everything as lines; with sparklines where `bars`."""
    for gauge in gauges:
        yield headline(gauge)
        rows = [_row(gauge, one) for one in gauge.last.get("processes") or []]
        if rows:
            kept = [at for at in range(len(HEAD)) if bars or at not in DRAWN]
            right = [kept.index(at) for at in RIGHT]
            head, *others = columns([[row[at] for at in kept] for row in (HEAD, *rows)], right=right)
            yield "dim", f"  {head}"
            for one, row in zip(gauge.last["processes"], others, strict=True):
                yield "" if one["status"] == "online" else "yellow", f"  {row}"


def headline(gauge: Gauge) -> Line:
    """The host, what it runs, whether it answers, how busy it is."""
    last = gauge.last
    if not last:
        return "yellow", f"! {gauge.name} · {gauge.problem}"
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


def drawn(title: str, gauges: Sequence[Gauge]) -> RenderableType:
    """The whole screen for rich; a line that is too long is cut, not wrapped."""
    from rich.console import Group
    from rich.text import Text

    whole = [("bold", title), *lines(gauges, bars=True), ("dim", "q ends")]
    return Group(
        *(Text(text.harmless(line), style, no_wrap=True, overflow="ellipsis") for style, line in whole)
    )
