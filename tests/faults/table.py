"""Writes docs/faults.md from the results of `make faults`: `python -m tests.faults.table RESULTS PAGE`."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.faults.cells import ACTS, matrix, places
from tests.faults.file_calls_table import section

MARK = "<!-- what is below is written by `make faults` -->\n"
SIGNS = {"old": "the old one", "new": "the new one"}
VICTIMS = {
    "deployer": "the deployer",
    "link": "the link",
    "serve": "the host program",
    "pointsman": "the pointsman's parent",
    "pointsman-worker": "the pointsman",
    "nobody": "nobody",
}
RANDOM, PAIRS = 200, 40
"""How many a whole run has (test_random.py, test_pairs.py)."""
Line = dict[str, Any]


def page(results: list[Line], today: str) -> str:
    """The generated part: what was run and when, then a section for each kind."""
    kinds: dict[str, list[Line]] = {}
    for one in results:
        kinds.setdefault(one["kind"], []).append(one)
    red = sum(bool(one["problems"]) for one in results)
    seeds = ", ".join(sorted({str(one["seed"]) for one in results if "seed" in one}))
    head = [f"{today}: {len(results) - red} green, {red} red; seed {seeds}.", ""]
    sections = ("\n".join(SECTIONS[kind](kinds[kind])).rstrip() for kind in SECTIONS if kind in kinds)
    return "\n".join([*head, "\n\n".join(sections)]) + "\n"


def _matrix(found: list[Line]) -> Iterator[str]:
    yield "### One fault at each place"
    yield ""
    yield f"{len(found)} of {len(matrix())} cells were run. {_colours(found)}"
    yield "A cell: what served after the fault, and the exit code then; the same command again ended well."
    yield "*sick*: the new release is, and the host goes back; *migration*: it has one."
    yield ""
    yield from _head("place", *ACTS)
    ran = {(one["point"], one["change"], one["act"]): one for one in found}
    for place in places():
        cells = [_cell(ran.get((place.point, place.change, act))) for act in ACTS]
        if set(cells) != {NOT_RUN}:
            yield _row(f"`{place.point}`" + f" ({place.change})" * (place.change != "code"), *cells)


def _random(found: list[Line]) -> Iterator[str]:
    yield "### Anybody, at any moment"
    yield ""
    yield f"{len(found)} of {RANDOM} runs, in the order of the seed. {_colours(found)}"
    yield "*nobody*: the deployment was over, or had no link yet."
    yield ""
    yield from _head("hit", "runs", "the old one served after it", "the new one", "exit codes", "red")
    for who, name in VICTIMS.items():
        if mine := [one for one in found if one.get("who", "nobody") == who]:
            yield _row(name, str(len(mine)), *_ends(mine))
    reds = [one for one in found if one["problems"]]
    yield from [
        "",
        *(f"- run {one['number']}, {one['act']} at {one['moment']}: {_colour(one)}" for one in reds),
    ]


def _ends(found: list[Line]) -> tuple[str, ...]:
    serves, codes = (Counter(one.get(name, "?") for one in found) for name in ("serves", "exit_code"))
    shown = ", ".join(f"{code} ({count})" for code, count in codes.most_common())
    red = sum(bool(one["problems"]) for one in found)
    return str(serves["old"]), str(serves["new"]), shown, f"**RED** {red}" if red else "0"


def _pairs(found: list[Line]) -> Iterator[str]:
    yield "### Two faults"
    yield ""
    yield f"{len(found)} of {PAIRS} pairs. {_colours(found)}"
    yield ""
    yield from _head("first", "then", "both met", "served after them", "")
    for one in sorted(found, key=lambda one: int(one["number"])):
        both = {True: "yes", False: "the first"}.get(one.get("both"), "?")
        yield _row(
            f"`{one['first']}`", f"`{one['second']}`", both, SIGNS.get(one.get("serves"), "?"), _colour(one)
        )


def _file_calls(found: list[Line]) -> Iterator[str]:
    yield section(found).strip("\n")


def _state_machine(found: list[Line]) -> Iterator[str]:
    yield "### Commands and faults in any order"
    yield ""
    yield from _head("examples", "steps", "seed", "")
    for one in found:
        yield _row(str(one["examples"]), str(one["steps"]), str(one["seed"]), _colour(one))


SECTIONS = {
    "matrix": _matrix,
    "random": _random,
    "pair": _pairs,
    "file call": _file_calls,
    "state machine": _state_machine,
}
NOT_RUN = "not run"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _head(*names: str) -> tuple[str, str]:
    return _row(*names), _row(*("---" for _ in names))


def _colours(found: list[Line]) -> str:
    red = sum(bool(one["problems"]) for one in found)
    return f"{len(found) - red} green, {red} red."


def _colour(one: Line) -> str:
    return f"**RED**: {'; '.join(one['problems'])}".replace("\n", " ") if one["problems"] else "green"


def _cell(one: Line | None) -> str:
    if one is None:
        return NOT_RUN
    return _colour(one) if one["problems"] else f"{SIGNS[one['serves']]}, {one['exit_code']}"


def main() -> None:
    """Replace what stands behind the mark."""
    results, target = Path(sys.argv[1]), Path(sys.argv[2])
    head = target.read_text().partition(MARK)[0]
    found = [json.loads(line) for line in results.read_text().splitlines()]
    today = dt.datetime.now(dt.UTC).date().isoformat()
    target.write_text(f"{head}{MARK}\n{page(found, today)}")


if __name__ == "__main__":
    main()
