"""A whole report as plain values: what `--json` writes, and what the screen and the page are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from turnout.report import figures
from turnout.report.figures import BUDGETS, TOTAL, Row, Spread

SPEC = {"cpu": (20.0, 40.0), "memory": (400e6, 600e6), "disk": (0.0, 1e9)}
"""The spec's "Resource Usage" of production: percent of a core, bytes, bytes with logs."""


@dataclass(frozen=True)
class Report:
    """Everything that is known of one environment; `rows` are its last deployments, oldest first."""

    app: str
    environment: str
    made: float
    rows: Sequence[Row]
    resources: Mapping[str, Mapping[str, float]]
    """By host: `cpu`, `memory`, `releases`, `store`, `layers`, `logs`, `free`, `total`."""
    committed: Mapping[str, float]
    """When each commit was made, as far as git knows it here."""

    def as_json(self) -> dict[str, Any]:
        """The object of docs/json.md."""
        rows, known = self.rows, figures.phases(self.rows)
        recoveries = figures.recoveries(rows)
        return {
            "app": self.app,
            "environment": self.environment,
            "made": self.made,
            "deployments": [dict(row) for row in rows],
            "results": figures.results(rows),
            "total": _with_budget(figures.totals(rows), *TOTAL),
            "phases": {
                budget.phase: {
                    "steps": list(budget.steps),
                    **_with_budget(known.get(budget.phase), budget.low, budget.high),
                }
                for budget in BUDGETS
            },
            "steps": {name: asdict(spread) for name, spread in figures.steps(rows).items()},
            "bytes_sent": _spread(figures.sizes(rows)),
            "per_week": figures.per_week(rows, self.made),
            "lead_time": _spread(figures.lead_times(rows, self.committed)),
            "failure_rate": figures.failure_rate(rows),
            "change_failure_rate": figures.change_failure_rate(rows),
            "time_to_recover": {
                "median": median(recoveries) if recoveries else None,
                "count": len(recoveries),
            },
            "resources": {host: dict(used) for host, used in self.resources.items()},
        }


def _spread(spread: Spread | None) -> dict[str, Any] | None:
    return asdict(spread) if spread else None


def _with_budget(spread: Spread | None, low: float, high: float) -> dict[str, Any]:
    """`within` says whether the median keeps the upper end of the budget; null where nothing was measured."""
    return {
        "budget": [low, high],
        "within": spread.median <= high if spread else None,
        "seconds": _spread(spread),
    }


def used(status: Mapping[str, Any]) -> dict[str, float]:
    """What one host uses, from its `status`."""
    processes, disk = status.get("processes") or [], status.get("disk") or {}
    sums = {key: float(sum(float(one.get(key) or 0) for one in processes)) for key in ("cpu", "memory")}
    parts = ("releases", "store", "layers", "logs", "free", "total")
    return {
        **sums,
        "processes": float(len(processes)),
        **{part: float(disk.get(part) or 0) for part in parts},
    }


def on_disk(used: Mapping[str, float]) -> float:
    """Bytes that the app takes with everything Turnout keeps for it."""
    return sum(used[part] for part in ("releases", "store", "layers", "logs"))
