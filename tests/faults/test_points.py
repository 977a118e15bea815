"""The matrix has all the places that a real deployment comes to, and no others."""

from __future__ import annotations

import pytest

from tests.faults.cells import places
from tests.faults.trial import Rigs

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def test_the_matrix_is_what_deployments_come_to(rigs: Rigs) -> None:
    """Whoever adds a step, a call or an entry is told here what cells.py lacks."""
    rig = rigs.one()
    good, back = ({cell.point for cell in places() if cell.sick is sick} for sick in (False, True))
    rig.greet(f"All well on {rig.root.name}")
    with rig.recording() as met:
        rig.deploy()
    assert met == good

    rig.greet(f"To be taken back on {rig.root.name}", sick=True)
    with rig.recording() as met:
        rig.deploy(check=50)
    assert met - good == back
