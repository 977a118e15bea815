"""What the SQL of a migration does to tables and columns: adds, removes, tightens, locks (sqlglot reads it).

    effects(sql, dialect_of("postgresql"), earlier=[sql, …]) -> [Effect(kind, table, column, adds, removes, locks), …]

SQLite cannot change a column in place, so Prisma makes `new_X`, copies, drops `X` and renames: what is told of that is
the difference between the columns of `X` before and after, not a table that went. Which columns it had before is known
from the SQL of the `earlier` migrations; without them, from what is copied and from Prisma's own warning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DIALECTS = {
    "sqlite": "sqlite",
    "postgresql": "postgres",
    "postgres": "postgres",
    "cockroachdb": "postgres",
    "mysql": "mysql",
    "sqlserver": "tsql",
}
"""sqlglot's dialect by Prisma's provider. SQLite and PostgreSQL are tested; the others are read as well as may be."""


@dataclass(frozen=True)
class Effect:
    """One thing that a migration does.

    `kind` is one of: create table, drop table, rename table, rebuild table, add column, drop column, rename column,
    change column, create index, drop index, add constraint, drop constraint, create type, drop type, drop value,
    change rows, other.
    """

    kind: str
    table: str
    column: str | None = None
    adds: bool = False
    """It adds something that was not there."""
    removes: bool = False
    """Something is not there any more under the name it had."""
    locks: str | None = None
    """Who has to wait meanwhile, in words; None: nobody for longer than a moment."""
    to: str | None = None
    """The new name, of something that was renamed."""
    tightens: bool = False
    """What code that does not know it writes may be refused now."""
    requires: bool = False
    """A new column that every new row must name: code that does not know it cannot insert there any more."""

    @property
    def only_adds(self) -> bool:
        """Code that does not know it goes on as before."""
        return not (self.removes or self.tightens or self.requires) and self.kind != "other"

    def __str__(self) -> str:
        """`drop column Video.url`, `rename table A to B`."""
        what = f"{self.table}.{self.column}" if self.column else self.table
        return f"{self.kind} {what}{f' to {self.to}' if self.to else ''}".rstrip()


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
