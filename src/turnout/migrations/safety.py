"""May code that does not know these migrations run on a database that has them? The judgement; pure.

Used for the way back (a rollback's target, and the migrations since) and for the way forth (what runs now, and those
that are pending: until the switch the old code runs on the new tables).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from turnout.migrations.models import Models, read
from turnout.migrations.tables import Tables

if TYPE_CHECKING:
    from turnout.migrations.effect import Effect


@dataclass(frozen=True)
class Migration:
    """One migration: its name, and its SQL as far as it is known."""

    name: str
    sql: str | None


@dataclass(frozen=True)
class Told:
    """One migration and what it does; `effects` is None where its SQL is not known."""

    name: str
    effects: list[Effect] | None

    @property
    def only_adds(self) -> bool:
        """Whether code that does not know it goes on as before."""
        return self.effects is not None and all(effect.only_adds for effect in self.effects)

    def __str__(self) -> str:
        """`20261124_add_views: only adds (add column Video.views)`."""
        if self.effects is None:
            return f"{self.name}: its SQL is not here any more, so nobody can say what it did"
        what = ", ".join(str(effect) for effect in self.effects) or "nothing that changes tables"
        return (
            f"{self.name}: only adds ({what})" if self.only_adds and self.effects else f"{self.name}: {what}"
        )


@dataclass(frozen=True)
class Judgement:
    """What the migrations do, and which of it breaks the older code, each in a sentence."""

    migrations: list[Told] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def judge(later: Sequence[Migration], earlier: Sequence[str], schema: str, dialect: str) -> Judgement:
    """Judge `later` for the code whose migrations are `earlier` (SQL, in order) and whose schema.prisma is `schema`.

    A name that a migration took away breaks the code only if it is not there again at the end.
    """
    from turnout.migrations.statements import read as read_sql

    tables = Tables(dialect)
    for sql in earlier:
        read_sql(sql, tables)
    models = models_of(schema, tables)
    told = [Told(one.name, None if one.sql is None else read_sql(one.sql, tables)) for one in later]
    broken = [
        f"{one.name}: {effect}; {why}"
        for one in told
        for effect in one.effects or ()
        if (why := breaks(effect, models, tables))
    ]
    return Judgement(told, list(dict.fromkeys(broken)))


def models_of(schema: str, tables: Tables) -> Models:
    """What the code uses: what its schema names; where that names nothing, all that its migrations made."""
    named = read(schema)
    if named.tables:
        return named
    made = {
        key: frozenset(column.name for column in columns.values()) for key, columns in tables.columns.items()
    }
    return Models(made, {enum: frozenset(values) for enum, values in tables.enums.items()})


def breaks(effect: Effect, models: Models, now: Tables, code: str = "the older code") -> str:
    """Why this breaks the `code` that uses these models, or ""; `now` are the tables when all is done."""
    if effect.kind == "drop value":
        values = models.enums.get(effect.table, frozenset())
        gone = effect.column in values and effect.column not in now.enums.get(effect.table, [])
        return f"{code} uses {effect.table}.{effect.column}" if gone else ""
    used = columns(effect.table, models, now)
    if used is None:
        return ""
    return _breaks_column(effect, used, now, code) if effect.column else _breaks_table(effect, now, code)


def columns(table: str, models: Models, now: Tables) -> set[str] | None:
    """The keys of the columns of a table that the code uses; None when it does not use the table."""
    name = next((name for name in models.tables if now.key(name) == now.key(table)), None)
    return None if name is None else {now.key(column) for column in models.tables[name]}


def _breaks_table(effect: Effect, now: Tables, code: str) -> str:
    gone = effect.removes and not now.knows(effect.table)
    return f"{code} uses {effect.table}" if gone else ""


def _breaks_column(effect: Effect, used: set[str], now: Tables, code: str) -> str:
    column = now.key(str(effect.column))
    if effect.removes and column in used and not now.has(effect.table, column):
        return f"{code} uses {effect.table}.{effect.column}"
    if effect.requires and column not in used and now.requires(effect.table, column):
        return f"{code} cannot insert into {effect.table}, for it does not know {effect.column}"
    return ""
