"""Killed, failed and cut off in every step, call and entry: clients notice nothing; the same command ends well."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.faults.cells import SEED, Cell, chosen
from tests.faults.rig import Before, Rig, check_invariants
from turnout.cli.demo.traffic import TrafficThread

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
PATHS = ("/health", "/", "/videos")
RESULTS = os.environ.get("TURNOUT_FAULTS_RESULTS")
"""A file to which each cell adds a line, for docs/faults.md."""


@pytest.mark.parametrize("cell", chosen(), ids=str)
def test_whatever_dies_wherever(rig: Rig, cell: Cell) -> None:
    """The fault, then the same command: all points of DESIGN 9 hold, and it converges."""
    old, words = rig.current(), f"Faulty at {cell}"
    rig.greet(words)
    before = Before.of(rig)
    with TrafficThread(rig.port, PATHS, keep_alive=4, fresh=4) as traffic, rig.link(cell.act) as link:
        rig.lay(cell.point, cell.act)
        first = rig.turnout("deploy", "--json", **link)
        met = rig.lift()
        rig.turnout("status", "--json")
        between, open_now = rig.current(), rig.answer("/").body["greeting"]
        again = rig.turnout("deploy", "--json")
        rig.settle()
        seen = traffic.stop()

    problems = check_invariants(rig, before, seen, first, again)
    if again.code:
        problems.append(f"9: the same command again ended with {again.code}")
    if (between == old) == (open_now == words):
        problems.append(f"3: {between} was current and answered {open_now!r}")
    if rig.answer("/").body["greeting"] != words:
        problems.append("9: the new release does not serve after it")
    report(cell, met, first.code, between == old, problems)
    assert not problems, (SEED, cell, first, again)
    if not met:
        pytest.skip("no deployment of a code change comes to this place")


def report(cell: Cell, met: bool, code: int, old: bool, problems: list[str]) -> None:
    """One line for the table."""
    if RESULTS:
        line = {
            "point": cell.point,
            "act": cell.act,
            "met": met,
            "exit_code": code,
            "serves": "old" if old else "new",
            "problems": problems,
        }
        with Path(RESULTS).open("a") as file:
            file.write(json.dumps(line) + "\n")
