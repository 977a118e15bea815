"""The page of `make faults`: red is shown red, and what was not run is not shown as green."""

from __future__ import annotations

from typing import Any

from tests.faults.cells import matrix
from tests.faults.table import page

CELL = {
    "kind": "matrix",
    "seed": 7,
    "act": "kill",
    "change": "code",
    "exit_code": -9,
    "serves": "old",
    "problems": [],
}
RANDOM = CELL | {"kind": "random", "number": 0, "moment": 0.5, "who": "serve", "serves": "new"}
PAIR = CELL | {"kind": "pair", "number": 0, "first": "a", "second": "b", "both": True}
FILE = {
    "kind": "file call",
    "work": "stage",
    "fault": "ENOSPC",
    "n": 3,
    "of": 12,
    "met": True,
    "problems": [],
}
STATE = {"kind": "state machine", "examples": 3, "steps": 40, "seed": 9, "problems": []}


def cell(place: str, **more: Any) -> dict[str, Any]:
    """One line of the matrix."""
    return CELL | {"point": f"deployer:stage:{place}"} | more


def test_a_red_cell_is_shown_red_with_its_problem() -> None:
    """Beside a green one; a cell that was not run says so."""
    text = page([cell("enter"), cell("exit", problems=["1: 3 requests | failed"])], "2026-01-02")
    assert text.startswith("2026-01-02: 1 green, 1 red; seed 7.\n")
    assert f"2 of {len(matrix())} cells were run. 1 green, 1 red." in text
    assert "| `deployer:stage:enter` | the old one, -9 | not run | not run |" in text
    assert "| `deployer:stage:exit` | **RED**: 1: 3 requests / failed | not run | not run |" in text


def test_random_runs_are_counted_by_who_was_hit() -> None:
    """And a red one can be found again."""
    text = page([RANDOM, RANDOM, RANDOM | {"number": 2, "serves": "old", "problems": ["7: left"]}], "today")
    assert "3 of 200 runs, in the order of the seed. 2 green, 1 red." in text
    assert "| the host program | 3 | 1 | 2 | -9 (3) | **RED** 1 |" in text
    assert "- run 2, kill at 0.5: **RED**: 7: left" in text


def test_every_kind_has_its_section() -> None:
    """Pairs, file calls and the state machine, each green or red."""
    text = page([PAIR, FILE, FILE | {"fault": "EIO", "problems": ["2: torn"]}, STATE], "today")
    assert "today: 3 green, 1 red; seed 7, 9." in text
    assert "| `a` | `b` | yes | the old one | green |" in text
    assert "| stage | ENOSPC | 1 of 12 | 0 | 1 | 0 |" in text
    assert "| stage | EIO | 1 of 12 | 0 | 0 | **RED** 1: 3: 2: torn |" in text
    assert "| 3 | 40 | 9 | green |" in text


def test_a_trial_that_broke_off_is_red() -> None:
    """Its line has no end state."""
    broken = {"problems": ["the trial broke off"]}
    lines = [cell("enter", **broken), RANDOM | broken, PAIR | broken]
    for one in lines:
        one.pop("serves")
        one.pop("exit_code")
    assert page(lines, "today").count("**RED**") == 4
