"""A DATABASE_URL for builds that have none. It opens nothing, but must be of the schema's kind (docs/facts.md)."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = re.compile(r'datasource\s+\w+\s*\{[^}]*?provider\s*=\s*"([a-z]+)"', re.DOTALL)
SQLITE = "file:./turnout-build.db"


def url(source: Path | None) -> str:
    """For the app's folder: an address where nobody listens, SQLite's where no schema says otherwise."""
    provider = _provider(source) if source else "sqlite"
    if provider == "sqlite":
        return SQLITE
    return f"{'postgresql' if provider == 'cockroachdb' else provider}://nobody@127.0.0.1:1/none"


def _provider(source: Path) -> str:
    for file in [source / "schema.prisma", *sorted((source / "prisma").rglob("*.prisma"))]:
        found = SOURCE.search(file.read_text("utf-8", "replace")) if file.is_file() else None
        if found:
            return found.group(1)
    return "sqlite"
