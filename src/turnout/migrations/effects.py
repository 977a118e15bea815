"""What the SQL of a migration does to tables and columns: adds, removes, tightens, locks (sqlglot reads it).

    effects(sql, dialect_of("postgresql"), earlier=[sql, …]) -> [Effect(kind, table, column, adds, removes, locks), …]

SQLite cannot change a column in place, so Prisma makes `new_X`, copies, drops `X` and renames: what is told of that is
the difference between the columns of `X` before and after, not a table that went. Which columns it had before is known
from the SQL of the `earlier` migrations; without them, from what is copied and from Prisma's own warning.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnout.migrations.effect import Effect

DIALECTS = {
    "sqlite": "sqlite",
    "postgresql": "postgres",
    "postgres": "postgres",
    "cockroachdb": "postgres",
    "mysql": "mysql",
    "sqlserver": "tsql",
}
"""sqlglot's dialect by Prisma's provider. SQLite and PostgreSQL are tested; the others are read as well as may be."""


def dialect_of(provider: str) -> str:
    """The dialect of sqlglot for a provider of schema.prisma or migration_lock.toml; "" where there is none."""
    return DIALECTS.get(provider, "")


def effects(sql: str, dialect: str, earlier: Iterable[str] = ()) -> list[Effect]:
    """What `sql` does, in its order. SQL that cannot be read gives an effect of kind `other`; nothing is raised."""
    from turnout.migrations.statements import read
    from turnout.migrations.tables import Tables

    tables = Tables(dialect)
    for one in earlier:
        read(one, tables)
    return read(sql, tables)
