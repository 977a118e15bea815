from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.rig import Rig


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """A VPS on which faults can be laid; v1 of the sample serves there."""
    made = Rig()
    try:
        made.deploy()
        yield made
    finally:
        made.close()
