"""The deployments of all hosts' journals as one list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]

WORST = ("reverted", "failed", "refused", None, "succeeded", "unchanged", "skipped")
"""Of the results that hosts tell of one deployment, the first of these is that of all; None: under way."""
OF_A_HOST = ("release", "previous", "result", "step", "reason")


def merged(told: Mapping[str, Iterable[Row]]) -> list[Row]:
    """Rows of docs/json.md, newest first, from each host's own rows (docs/protocol.md)."""
    found: dict[str, dict[str, Row]] = {}
    for host, rows in told.items():
        for row in rows:
            found.setdefault(str(row["deployment"]), {})[host] = row
    return sorted((_one(rows) for rows in found.values()), key=lambda row: -float(row["started"]))


def _one(rows: dict[str, Row]) -> Row:
    """One deployment: who and what are the same everywhere, the end is the worst one, times are the longest."""
    worst = min(rows.values(), key=lambda row: WORST.index(row["result"]) if row["result"] in WORST else 1)
    steps: dict[str, float] = {}
    for row in rows.values():
        for step, took in (row["steps"] or {}).items():
            steps[step] = max(took, steps.get(step, 0.0))
    sent = [row["bytes_sent"] for row in rows.values() if row["bytes_sent"] is not None]
    return {
        **worst,
        "started": min(row["started"] for row in rows.values()),
        "finished": max((row["finished"] for row in rows.values() if row["finished"]), default=None),
        "seconds": max((row["seconds"] for row in rows.values() if row["seconds"]), default=None),
        "steps": steps or None,
        "bytes_sent": sum(sent) if sent else None,
        "hosts": {host: {key: row[key] for key in OF_A_HOST} for host, row in rows.items()},
    }
