"""Killed, failed and cut off in every step, call and entry: clients notice nothing; the same command ends well."""

from __future__ import annotations

import pytest

from tests.faults.cells import SEED, Cell, count, matrix, mixed
from tests.faults.trial import Rigs, attempt
from tests.support.client import Run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.mark.parametrize("cell", mixed()[: count(8, len(matrix()))], ids=str)
def test_whatever_dies_wherever(rigs: Rigs, cell: Cell) -> None:
    """The fault, then the same command: all points of DESIGN 9 hold, and it converges."""
    with rigs.report("matrix", point=cell.point, act=cell.act, change=cell.change) as line:
        rig, met = rigs.one(), []

        def strike() -> list[Run]:
            with rig.link(cell.act) as link:
                rig.lay(cell.point, cell.act)
                run = rig.deploy(check=None, **link)
                rig.settle()  # the pointsman may come there when the deployer has what it waited for
            met.append(rig.lift())
            return [run]

        trial = attempt(
            rig, f"Faulty at {cell}", strike, change=cell.change, errors=cell.act == "fail", look=True
        )
        if met != [True]:
            trial.problems.append("no deployment came to this place")
        line.update(trial.told)
        assert not trial.problems, (SEED, cell, trial)
