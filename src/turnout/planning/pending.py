"""The migrations that a deployment would apply: their SQL, and what it does to those who use the tables."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from turnout.migrations import safety
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
    known, dialect = known or {}, _dialect(tree)
    found: list[Migration] = []
    earlier: list[str] = []
    for name, data in _files(tree):
        sql = data.decode("utf-8", "replace")
        if known.get(name) != hashlib.sha256(data).hexdigest():
            found.append(Migration(name, sql, tuple(effects(sql, dialect, earlier))))
        earlier.append(sql)
    return found


def broken(tree: Path, found: Sequence[Migration], schema: str) -> list[str]:
    """What of `found` the code with this schema.prisma could not live with: the rule that a rollback obeys."""
    names = {one.name for one in found}
    earlier = [data.decode("utf-8", "replace") for name, data in _files(tree) if name not in names]
    later = [safety.Migration(one.name, one.sql) for one in found]
    return safety.judge(later, earlier, schema, _dialect(tree)).broken


def _files(tree: Path) -> list[tuple[str, bytes]]:
    """Names and contents of the migrations, in order."""
    files = sorted((tree / "prisma/migrations").glob("*/migration.sql"))
    return [(file.parent.name, file.read_bytes()) for file in files]


def _dialect(tree: Path) -> str:
    lock = tree / "prisma/migrations/migration_lock.toml"
    provider = PROVIDER.search(lock.read_text("utf-8", "replace")) if lock.is_file() else None
    return dialect_of(provider.group(1) if provider else "")
