"""Neither program's memory grows with the size of what is sent."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

from tests.sending import kept
from turnout.artifact import patch, tree

HOST, DEPLOYER = 64 << 20, 200 << 20
"""Bytes that each may take."""
BIG = 300 << 20


def test_a_file_of_300_mb_fits_into_little_memory(tmp_path: Path) -> None:
    """One that is many times longer than both limits, beside patches of the greatest length there is."""
    long = random.Random(1).randbytes(patch.LIMIT)
    kept(tmp_path / "old", {"long.js": long, "other.js": long[::-1]})
    kept(tmp_path / "new", {"long.js": b"x" + long[:-1], "other.js": long[:0:-1] + b"x"})
    with (tree.folder_of(tmp_path / "new") / "big").open("wb") as file:
        file.write(random.Random(2).randbytes(60 << 20))
        file.truncate(BIG)
    tree.seal(tmp_path / "new")
    words = [
        sys.executable,
        "-m",
        "tests.support.bulk",
        *(str(tmp_path / name) for name in ("old", "new", "app")),
    ]
    ran = subprocess.run(words, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout)
    assert found["stored"] == 4 * patch.LIMIT + BIG
    assert found["host"] < HOST
    assert found["deployer"] < DEPLOYER
