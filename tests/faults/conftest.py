from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.rig import Rig
from tests.faults.trial import Rigs


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """A VPS on which faults can be laid; v2 of the sample serves there."""
    made = Rig()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def rigs() -> Iterator[Rigs]:
    """For trials: a worker's rig, and another one once something was wrong with it."""
    made = Rigs()
    try:
        yield made
    finally:
        made.spoil()
