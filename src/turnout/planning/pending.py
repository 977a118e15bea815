"""The migrations that a deployment would apply: their SQL, and what it does to those who use the tables."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.migrations.effects import Effect, dialect_of, effects

PROVIDER = re.compile(r'^\s*provider\s*=\s*"([a-z]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Migration:
    """One that is not in the database yet, as far as the journal knows."""

    name: str
    sql: str
    effects: tuple[Effect, ...]

    @property
    def only_adds(self) -> bool:
        """Code that does not know it goes on as before."""
        return all(one.only_adds for one in self.effects)


def pending(tree: Path, known: Mapping[str, str] | None) -> list[Migration]:
    """The migrations in `tree` that are not `known` with the same contents (name to SHA-256), in order."""
    folder, known = tree / "prisma/migrations", known or {}
    lock = folder / "migration_lock.toml"
    provider = PROVIDER.search(lock.read_text("utf-8", "replace")) if lock.is_file() else None
    dialect = dialect_of(provider.group(1) if provider else "")
    found: list[Migration] = []
    earlier: list[str] = []
    for file in sorted(folder.glob("*/migration.sql")):
        data = file.read_bytes()
        sql = data.decode("utf-8", "replace")
        if known.get(file.parent.name) != hashlib.sha256(data).hexdigest():
            found.append(Migration(file.parent.name, sql, tuple(effects(sql, dialect, earlier))))
        earlier.append(sql)
    return found
