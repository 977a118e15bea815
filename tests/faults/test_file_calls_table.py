"""What docs/faults.md says of file calls."""

from __future__ import annotations

from typing import Any

from tests.faults.file_calls_table import KIND, section


def ran(n: int, met: bool = True, *problems: str) -> dict[str, Any]:
    return {"kind": KIND, "work": "stage", "fault": "EIO", "n": n, "of": 9, "met": met, "problems": problems}


def test_a_row_counts_what_was_tried_and_names_what_is_red() -> None:
    """Other results are not its business; without any of its own it says nothing."""
    assert section([{"point": "host:stage:enter", "met": True}]) == ""
    row = section([ran(1), ran(2), ran(3, False), ran(4, True, "7: a|b is left")]).splitlines()[-1]
    assert row == "| stage | EIO | 4 of 9 | 1 | 2 | **RED** 1: 4: 7: a/b is left |"
