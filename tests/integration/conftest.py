from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.site import Site


@pytest.fixture
def site() -> Iterator[Site]:
    """A VPS with nothing on it but sshd, python3 and the app's .env, for one test alone."""
    made = Site()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def live() -> Iterator[Site]:
    """A VPS that all tests of a module share; v1 of the sample serves there."""
    made = Site()
    try:
        made.deploy()
        yield made
    finally:
        made.close()
