"""The migrations that a deployment would apply: their SQL, and what it does to those who use the tables."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnout.migrations.effects import dialect_of, effects

if TYPE_CHECKING:
    from turnout.migrations.effect import Effect

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
    known, dialect = known or {}, dialect_of(provider(tree))
    found: list[Migration] = []
    earlier: list[str] = []
    for name, data in _files(tree):
        sql = data.decode("utf-8", "replace")
        if known.get(name) != hashlib.sha256(data).hexdigest():
            found.append(Migration(name, sql, tuple(effects(sql, dialect, earlier))))
        earlier.append(sql)
    return found


def provider(tree: Path) -> str:
    """Prisma's word for the database of a release, from migration_lock.toml; "" where there is none."""
    lock = tree / "prisma/migrations/migration_lock.toml"
    found = PROVIDER.search(lock.read_text("utf-8", "replace")) if lock.is_file() else None
    return found.group(1) if found else ""


def before(tree: Path, name: str) -> list[str]:
    """The SQL of the migrations in `tree` that come before `name`, in order."""
    return [data.decode("utf-8", "replace") for one, data in _files(tree) if one < name]


def known(serving: Mapping[str, Any], digest: str | None) -> dict[str, str] | None:
    """The migrations that the journal proves to be in the database of a dotenv (the same rule as the host's own).

    `serving` is the record of the release that serves; None when the journal cannot tell.
    """
    base = (serving.get("dotenv") or {}).get("base_digest")
    found = serving.get("migrations") if serving.get("migrated") == "finished" else None
    return dict(found) if found is not None and base == digest else None


def _files(tree: Path) -> list[tuple[str, bytes]]:
    files = sorted((tree / "prisma/migrations").glob("*/migration.sql"))
    return [(file.parent.name, file.read_bytes()) for file in files]
