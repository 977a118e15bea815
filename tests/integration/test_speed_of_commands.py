"""Commands answer fast, because what is heavy is loaded only by those who need it. Times are shown, never asserted."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.support.client import TURNOUT

pytestmark = pytest.mark.integration
HEAVY = {"asyncssh", "cryptography", "pydantic", "zstandard", "asyncio"}
"""Each costs 30 to 200 ms."""


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)], ids=" ".join)
def test_what_needs_no_host_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """`turnout --help` is there in 0.3 s, and so are the others."""
    argv = [sys.executable, "-X", "importtime", str(TURNOUT), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)

    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "turnout" in loaded
    assert HEAVY & loaded == set()
    print(f"\nturnout {' '.join(arguments)}: {best(arguments):.2f} s (0.3 s are wanted)")


def best(arguments: tuple[str, ...]) -> float:
    """Seconds of the fastest of three runs."""
    took = []
    for _ in range(3):
        began = time.monotonic()
        subprocess.run([str(TURNOUT), *arguments], capture_output=True, check=True)
        took.append(time.monotonic() - began)
    return min(took)
