from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.site import remove

CACHE = "TURNOUT_TEST_CACHE"


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Iterator[None]:
    """What npm brings is fetched once for all workers: below $TURNOUT_TEST_CACHE, else until the tests end."""
    if os.environ.get(CACHE):
        return (yield)
    folder = Path(tempfile.mkdtemp(prefix="tn-cache-"))
    os.environ[CACHE] = str(folder)
    try:
        return (yield)
    finally:
        remove(folder)
        del os.environ[CACHE]
