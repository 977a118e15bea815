from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.turnout_host.site import Site


@pytest.fixture
def site() -> Iterator[Site]:
    """An app on a host with a PM2 of its own; everything it starts is ended."""
    made = Site()
    try:
        yield made
    finally:
        made.close()
