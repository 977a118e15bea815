"""Two faults, one after the other: the second may hit whoever puts the first one right."""

from __future__ import annotations

import random

import pytest

from tests.faults.cells import SEED, Cell, count, matrix
from tests.faults.trial import Rigs, attempt
from tests.support.client import Run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def pair(number: int) -> tuple[Cell, Cell]:
    """Any two of the matrix."""
    first, second = random.Random(f"{SEED}:pair:{number}").sample(
        [cell for cell in matrix() if cell.change == "code"], 2
    )
    return first, second


@pytest.mark.parametrize("number", range(count(3, 40)))
def test_two_faults(rigs: Rigs, number: int) -> None:
    """Both in one deployment, or the second when the same command is typed again; then it ends well."""
    first, second = pair(number)
    with rigs.report("pair", number=number, first=str(first), second=str(second)) as line:
        rig, met = rigs.one(), []

        def strike() -> list[Run]:
            with rig.link(first.act, second.act) as link:
                rig.lay(first.point, first.act, then={"point": second.point, "act": second.act})
                runs = [rig.deploy(check=None, **link)]
                if rig.fault.exists():
                    runs.append(rig.deploy(check=None, **link))
                met.append(not rig.fault.exists())
            return runs

        trial = attempt(rig, f"Pair {number}", strike, errors="fail" in (first.act, second.act))
        line.update(trial.told | {"both": met == [True]})
        assert not trial.problems, (f"TURNOUT_FAULT_SEED={SEED}", first, second, trial)
