"""Writes docs/faults.md from the results of the matrix: `python -m tests.faults.table RESULTS PAGE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.faults.cells import ACTS, SEED
from tests.faults.file_calls_table import section

MARK = "<!-- the table below is written by `make faults` -->\n"
SIGNS = {"old": "the old one", "new": "the new one"}


def page(results: list[dict[str, Any]]) -> str:
    """The generated part: counts, then a row for each place."""
    met = [one for one in results if one["met"]]
    red = [one for one in met if one["problems"]]
    lines = [
        f"{len(results)} cells, {len(met)} met, {len(met) - len(red)} green, {len(red)} red; seed {SEED}.",
        "A cell says what served after the fault and the deployer's exit code; then the same command again ended well.",
        "",
        f"| place | {' | '.join(ACTS)} |",
        f"| --- | {' | '.join('---' for _ in ACTS)} |",
    ]
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for one in results:
        rows.setdefault(one["point"], {})[one["act"]] = one
    for point, acts in rows.items():
        lines.append(f"| `{point}` | {' | '.join(_cell(acts.get(act)) for act in ACTS)} |")
    return "\n".join(lines) + "\n"


def _cell(one: dict[str, Any] | None) -> str:
    if one is None:
        return "not run"
    if not one["met"]:
        return "not met"
    if one["problems"]:
        return f"**RED**: {'; '.join(one['problems'])}".replace("|", "/")
    return f"{SIGNS[one['serves']]}, {one['exit_code']}"


def main() -> None:
    """Replace what stands behind the mark."""
    results, target = Path(sys.argv[1]), Path(sys.argv[2])
    head = target.read_text().partition(MARK)[0]
    found = [json.loads(line) for line in results.read_text().splitlines()]
    target.write_text(head + MARK + "\n" + page([one for one in found if "point" in one]) + section(found))


if __name__ == "__main__":
    main()
