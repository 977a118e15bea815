"""The report as one HTML page that needs nothing else: style and charts are in it, and it runs no script."""

from __future__ import annotations

import time
from importlib.resources import files
from statistics import median
from typing import Any

from turnout import __version__, text
from turnout.report import charts, figures
from turnout.report.figures import BUDGETS, TOTAL
from turnout.report.report import SPEC, Report, on_disk
from turnout.report.words import per_week, share, stamp, subject

TEMPLATE = "page.html.jinja"


def render(report: Report) -> str:
    """The whole page. Foreign text (commit subjects, names, reasons) is escaped by the template."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.finalize = lambda value: text.harmless(value) if type(value) is str else value
    environment.filters.update(took=text.took, size=text.size, stamp=stamp)
    source = (files("turnout.report") / TEMPLATE).read_text("utf-8")
    return environment.from_string(source).render(**values(report))


def values(report: Report) -> dict[str, Any]:
    """What the template names."""
    shown = figures.arrivals(report.rows)
    columns, top = charts.columns(shown)
    sent, most = charts.bytes_sent(shown)
    steps = figures.steps(report.rows)
    return {
        "report": report,
        "version": __version__,
        "made": time.strftime("%Y-%m-%d %H:%M", time.localtime(report.made)),
        "tiles": tiles(report),
        "phases": phases(report),
        "arrivals": shown,
        "columns": columns,
        "top": top,
        "steps": [(spread, line) for spread, line in zip(steps.values(), charts.ranges(steps), strict=True)],
        "sent": sent,
        "most": most,
        "rows": [{**row, "subject": subject(row)} for row in reversed(report.rows)],
        "hosts": [_host(name, dict(used)) for name, used in report.resources.items()],
        "spec": SPEC,
        "width": charts.WIDTH,
        "height": charts.HEIGHT,
        "narrow": charts.NARROW,
    }


def tiles(report: Report) -> list[tuple[str, str, str]]:
    """The numbers that come first: a name, the number, what it is."""
    rows = report.rows
    total, lead = figures.totals(rows), figures.lead_times(rows, report.committed)
    recoveries = figures.recoveries(rows)
    return [
        (
            "Deployments",
            per_week(figures.per_week(rows, report.made)),
            f"{len(figures.arrivals(rows))} of these arrived",
        ),
        (
            "Time",
            text.took(total.median) if total else "-",
            f"median; the spec's is {TOTAL[0] / 60:.0f}-{TOTAL[1] / 60:.0f} min",
        ),
        ("Lead time", text.took(lead.median) if lead else "-", "median, from the commit to blessed"),
        ("Failed", share(figures.failure_rate(rows)), "of all, users mostly saw nothing"),
        ("Taken back", share(figures.change_failure_rate(rows)), "of what reached users"),
        ("Recovery", text.took(median(recoveries)) if recoveries else "-", "median, until it was well again"),
    ]


def phases(report: Report) -> list[dict[str, Any]]:
    """Each phase of the spec: its median as a share of the budget's upper end."""
    known = figures.phases(report.rows)
    found = []
    for budget in BUDGETS:
        spread = known.get(budget.phase)
        part = min(1.0, spread.median / budget.high) if spread else 0.0
        over = spread is not None and spread.median > budget.high
        found.append({"budget": budget, "spread": spread, "width": part * charts.NARROW, "over": over})
    return found


def _host(name: str, used: dict[str, float]) -> dict[str, Any]:
    parts = {part: used[part] for part in ("releases", "store", "layers", "logs")}
    return {"name": name, "used": used, "parts": parts, "boxes": charts.shares(parts), "disk": on_disk(used)}
