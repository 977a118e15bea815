"""The matrix has all the places that a real deployment comes to, and no others."""

from __future__ import annotations

import pytest

from tests.faults.cells import places
from tests.faults.trial import Rigs

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def test_the_matrix_is_what_deployments_come_to(rigs: Rigs) -> None:
    """Whoever adds a step, a call or an entry is told here what cells.py lacks."""
    rig = rigs.one()
    points: dict[str, set[str]] = {}
    for change, code in (("code", 0), ("sick", 50), ("migration", 0)):
        rig.commit_change(f"A {change} change on {rig.root.name}", change)
        with rig.recording() as points[change]:
            rig.deploy(check=code)

    assert points["code"] == of("code")
    for change in ("sick", "migration"):
        assert points[change] >= of(change)
        assert points[change] - of("code") == of(change) - of("code")


def of(change: str) -> set[str]:
    """What the matrix has for deployments of such a change."""
    return {cell.point for cell in places() if cell.change == change}
