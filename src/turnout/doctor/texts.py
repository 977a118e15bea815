"""The app's source files, as texts to search in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

SKIPPED = frozenset({"node_modules", "dist", "build", "coverage"})
ENDINGS = (".ts", ".js", ".mts", ".mjs", ".cts", ".cjs")
FILES = 2000
LARGEST = 1 << 20
"""Bytes; what is larger was written by a program."""


def sources(folder: Path) -> Iterator[str]:
    """The texts of at most FILES files below `folder`; tests, builds and packages are left out."""
    count = 0
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        for name in sorted(names):
            path = Path(where, name)
            if (
                not name.endswith(ENDINGS)
                or ".test." in name
                or path.is_symlink()
                or path.stat().st_size > LARGEST
            ):
                continue
            count += 1
            if count > FILES:
                return
            yield path.read_text("utf-8", "replace")
