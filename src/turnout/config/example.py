"""The app's `.env.example`: which keys a host's `.env` must have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def keys(source: Path) -> list[str]:
    """The keys that it names: `KEY=…`, with or without `export`; one that is commented out is optional."""
    file = source / ".env.example"
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    names = [line.strip().removeprefix("export ").partition("=")[0].strip() for line in lines if "=" in line]
    return [name for name in names if name.isidentifier()]
