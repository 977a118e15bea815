"""The demo's last picture: one column an act, one row a figure."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.cli.demo.acts import Played, sent
from turnout.cli.out import Line, columns

STEPS = ("build", "upload", "migrate", "rehearse", "activate", "verify")
"""Those that take time, and those that prove something."""


def table(played: Sequence[Played]) -> list[Line]:
    """The lines of the table. At most 70 columns wide for five acts."""
    rows = [
        ["", *(one.act.name for one in played)],
        ["release", *(one.outcome.release or "-" for one in played)],
        ["result", *(_result(one) for one in played)],
        *([step, *(_took(one, step) for one in played)] for step in STEPS),
        ["in all", *(_seconds(one.outcome.seconds) for one in played)],
        ["sent", *(sent(one) for one in played)],
        ["requests", *(_count(one, one.traffic.requests) for one in played)],
        ["failed", *(_count(one, one.traffic.failed) for one in played)],
    ]
    styles = {0: "dim", 2: "bold", len(rows) - 1: "bold"}
    lines = columns(rows, indent="  ", right=range(1, len(played) + 1))
    return [(styles.get(number, ""), line) for number, line in enumerate(lines)]


def _result(one: Played) -> str:
    if one.outcome.result == "succeeded":
        return "live"
    return "stopped" if one.outcome.result in {"failed", "refused"} else one.outcome.result


def _took(one: Played, step: str) -> str:
    status, seconds = one.steps.get(step, ("skipped", 0.0))
    return "-" if status == "skipped" else _seconds(seconds)


def _seconds(seconds: float) -> str:
    """In one unit, so that a row can be compared."""
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def _count(one: Played, count: int) -> str:
    return f"{count:,}" if one.act.before else "-"
