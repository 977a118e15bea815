"""Packages of the npm registry for tests, installed once for all of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path


def installed(*packages: str) -> Path:
    """The `node_modules` that has them; the folder is below $TURNOUT_TEST_CACHE (tests/conftest.py)."""
    cache = Path(os.environ["TURNOUT_TEST_CACHE"])
    folder = cache / "-".join(packages).replace("@", "")
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix="npm-", dir=cache))
        _install(new, *packages)
        try:
            new.rename(folder)
        except OSError:  # another worker was faster
            shutil.rmtree(new)
    return folder / "node_modules"


def _install(folder: Path, *packages: str) -> None:
    """By working in the folder: with --prefix npm would not read the machine's own npmrc."""
    (folder / "package.json").write_text("{}")
    words = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
