"""Packages of the npm registry for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path


def install(folder: Path, *packages: str) -> None:
    """Into `folder`, by working in it: with --prefix npm would not read the machine's own npmrc."""
    (folder / "package.json").write_text("{}")
    words = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
