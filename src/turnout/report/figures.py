"""The figures of a report: pure functions of rows of `history` (docs/protocol.md). Times in seconds, sizes in bytes.

Who counts: `deploy`, `promote` and `rollback` that succeeded, failed or were reverted. What was unchanged, skipped or
refused brought nothing anywhere, and is only counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

Row = Mapping[str, Any]

COMMANDS = ("deploy", "promote", "rollback")
COUNTED = ("succeeded", "failed", "reverted")
BEHIND = ("save", "prune", "notify")
"""Steps after a release was blessed; a deployment's end less these is when users had it."""
DAY = 86400.0


@dataclass(frozen=True)
class Budget:
    """A phase of the spec's "Typical Deployment Times": our steps that do its work, and its seconds, from and to."""

    phase: str
    steps: tuple[str, ...]
    low: float
    high: float


BUDGETS = (
    Budget("build", ("checkout", "toolchain", "build", "package"), 120, 180),
    Budget("upload", ("upload",), 30, 30),
    Budget(
        "deploy", ("stage", "dotenv", "install", "backup", "migrate", "activate", "save", "prune"), 60, 120
    ),
    Budget("health", ("rehearse", "verify"), 15, 15),
)
"""The spec waits and asks in `health`; here that is the rehearsal, the proof and the bake. `gate`, `survey` and
`notify` are in none of its phases."""
TOTAL = (240.0, 360.0)
"""The spec's whole deployment: 4 to 6 minutes."""


@dataclass(frozen=True)
class Spread:
    """A few numbers about many: the newest, the middle, and the ends."""

    last: float
    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """Of values, oldest first; None of none."""
        if not values:
            return None
        return cls(values[-1], median(values), min(values), max(values), len(values))


def counted(rows: Iterable[Row]) -> list[Row]:
    """Those that the figures are about."""
    return [row for row in rows if row["command"] in COMMANDS and row["result"] in COUNTED]


def window(rows: Sequence[Row], last: int) -> Sequence[Row]:
    """The newest rows, from the one on where `last` of those that count begin."""
    known = counted(rows)[-last:]
    return rows[rows.index(known[0]) :] if known else rows[-last:]


def arrivals(rows: Iterable[Row]) -> list[Row]:
    """Revisions that were brought there and stayed at least until they were blessed: the ones whose times compare."""
    return [row for row in counted(rows) if row["command"] != "rollback" and row["result"] == "succeeded"]


def results(rows: Iterable[Row]) -> dict[str, int]:
    """How often each result came."""
    return dict(Counter(str(row["result"]) for row in rows if row["result"]))


def steps(rows: Iterable[Row]) -> dict[str, Spread]:
    """Each step's times over all arrivals, in the order in which they are first seen."""
    times: dict[str, list[float]] = {}
    for row in arrivals(rows):
        for name, took in (row["steps"] or {}).items():
            times.setdefault(name, []).append(float(took))
    return {name: spread for name, values in times.items() if (spread := Spread.of(values))}


def phase(row: Row, budget: Budget) -> float | None:
    """The seconds of one phase of one deployment; None when its steps were not measured."""
    took = [float((row["steps"] or {})[name]) for name in budget.steps if name in (row["steps"] or {})]
    return sum(took) if took else None


def phases(rows: Iterable[Row]) -> dict[str, Spread]:
    """The times of each of the spec's phases."""
    known = arrivals(rows)
    found = {budget.phase: _of(known, partial(phase, budget=budget)) for budget in BUDGETS}
    return {name: spread for name, spread in found.items() if spread}


def totals(rows: Iterable[Row]) -> Spread | None:
    """Whole deployments."""
    return _of(arrivals(rows), lambda row: row["seconds"])


def sizes(rows: Iterable[Row]) -> Spread | None:
    """Bytes sent, to all hosts together."""
    return _of(arrivals(rows), lambda row: row["bytes_sent"])


def _of(rows: Iterable[Row], value: Callable[[Row], Any]) -> Spread | None:
    return Spread.of([float(found) for row in rows if (found := value(row)) is not None])


def per_week(rows: Sequence[Row], now: float) -> float | None:
    """Arrivals a week, over the time from the first deployment until now; a day at least, or two would be many."""
    if not rows:
        return None
    return len(arrivals(rows)) / max(now - float(rows[0]["started"]), DAY) * 7 * DAY


def blessed(row: Row) -> float:
    """When its release was blessed."""
    return float(row["finished"]) - sum(float((row["steps"] or {}).get(name, 0)) for name in BEHIND)


def lead_times(rows: Iterable[Row], committed: Mapping[str, float]) -> Spread | None:
    """From the commit to its blessed release; only the first time that a commit arrives, if git knows it."""
    seen: set[str] = set()
    times = []
    for row in arrivals(rows):
        commit = str(row["revision"])
        if commit in committed and commit not in seen:
            times.append(max(0.0, blessed(row) - committed[commit]))
        seen.add(commit)
    return Spread.of(times)


def failure_rate(rows: Iterable[Row]) -> float | None:
    """The share of deployments (no rollbacks) that failed or were reverted; users saw nothing of most."""
    tried = [row for row in counted(rows) if row["command"] != "rollback"]
    return sum(row["result"] != "succeeded" for row in tried) / len(tried) if tried else None


def undone(rows: Sequence[Row]) -> list[Row]:
    """Changes that reached users and were taken back: by a revert, or by a rollback from the release."""
    changes = [row for row in counted(rows) if row["command"] != "rollback"]
    return [row for row in changes if row["result"] == "reverted" or _rollback_from(row, rows)]


def change_failure_rate(rows: Sequence[Row]) -> float | None:
    """The share of changes that reached users and were taken back again."""
    reached = [row for row in counted(rows) if row["command"] != "rollback" and row["result"] != "failed"]
    return len(undone(rows)) / len(reached) if reached else None


def _rollback_from(row: Row, rows: Iterable[Row]) -> Row | None:
    """The rollback that left the release of `row` for an older one."""
    for other in rows:
        back = (
            other["command"] == "rollback"
            and other["result"] == "succeeded"
            and other["finished"] is not None
        )
        if back and row["release"] and other["previous"] == row["release"] and _older(other, row):
            return other
    return None


def _older(rollback: Row, row: Row) -> bool:
    """A rollback may also lead forward, to what was left too early."""
    target = str(rollback["release"] or "")
    after = float(rollback["started"]) >= float(row["started"])
    return after and target[1:].isdigit() and int(target[1:]) < int(str(row["release"])[1:])


def recoveries(rows: Sequence[Row]) -> list[float]:
    """How long each time of trouble was.

    A bad release that was blessed: from then until the rollback was. Failures and reverts in a row, which users saw
    nothing of or little: from the end of the first until the next success. A clock that was set back makes it none.
    """
    times, began = [], None
    for row in counted(rows):
        if row["finished"] is None:
            continue
        if row["result"] != "succeeded":
            began = float(row["finished"]) if began is None else began
            continue
        if began is not None:
            times.append(max(0.0, float(row["finished"]) - began))
            began = None
        back = None if row["command"] == "rollback" else _rollback_from(row, rows)
        if back:
            times.append(max(0.0, blessed(back) - blessed(row)))
    return times
