"""Prisma's schema of a release or a folder: its text, and the kind of database that it is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, Optional

LIMIT = 1 << 20
"""Bytes of one migration or schema that are read; what is longer is told without its text."""
_SOURCE = re.compile(r'datasource\s+\w+\s*\{[^}]*?provider\s*=\s*"([a-z]+)"', re.DOTALL)
SQLITE = "file:./turnout-build.db"


def text(path: Path) -> Optional[str]:
    """A file's text; None where there is none that can be read, or too much of it."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data.decode("utf-8", "replace") if len(data) <= LIMIT else None


def read(folder: Path) -> str:
    """All of Prisma's schema files, in the places where Prisma looks."""
    return "\n".join(found for found in map(text, _files(folder)) if found)


def provider(schema: str) -> str:
    """The datasource's provider; "" where there is none."""
    found = _SOURCE.search(schema)
    return found.group(1) if found else ""


def placeholder(folder: Path) -> str:
    """A DATABASE_URL for `prisma generate`, which opens nothing but wants one of its schema's kind (docs/facts.md)."""
    kind = provider(read(folder)) or "sqlite"
    if kind == "sqlite":
        return SQLITE
    return f"{'postgresql' if kind == 'cockroachdb' else kind}://nobody@127.0.0.1:1/none"


def _files(folder: Path) -> Iterator[Path]:
    yield folder / "schema.prisma"
    yield from sorted((folder / "prisma").rglob("*.prisma"))
