"""What pending migrations mean for the code that runs while they are applied, and after a revert. Pure.

| class | |
| --- | --- |
| `adds` | only adds: the running code goes on as before |
| `clears` | takes away what the running code does not use: the second half of expand and contract |
| `locks` | may lock long: who waits is said |
| `breaks` | breaks the running code: drop, rename, another type, NOT NULL without default |
| `unread` | SQL that cannot be read: told, never guessed |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from turnout.migrations.safety import breaks, columns, models_of
from turnout.migrations.tables import Tables

if TYPE_CHECKING:
    from turnout.migrations.effect import Effect
    from turnout.migrations.models import Models
    from turnout.migrations.pending import Migration

Class = Literal["adds", "clears", "locks", "breaks", "unread"]
WORDS: dict[Class, str] = {
    "adds": "only adds",
    "clears": "takes away what the running code does not use",
    "locks": "may lock long",
    "breaks": "breaks the running code",
    "unread": "cannot be read by Turnout",
}
_CONTRACT = re.compile(r"^[ \t]*--[ \t]*turnout:[ \t]*contract\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Classed:
    """One pending migration; every list holds sentences."""

    name: str
    breaks: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    contract: bool = False
    """Its file says `-- turnout: contract`."""

    @property
    def kind(self) -> Class:
        """The class that counts most."""
        if self.breaks:
            return "breaks"
        if self.unread:
            return "unread"
        return "locks" if self.locks else "clears" if self.clears else "adds"

    def __str__(self) -> str:
        """`20261124_rename: breaks the running code (rename column Video.views to seen; v3 uses Video.views)`."""
        what = {
            "breaks": self.breaks,
            "unread": self.unread,
            "locks": self.locks,
            "clears": self.clears,
            "adds": self.adds,
        }[self.kind]
        return f"{self.name}: {WORDS[self.kind]}" + (f" ({', '.join(what)})" if what else "")


def classify(
    migrations: Sequence[Migration], earlier: Sequence[str], schema: str, dialect: str, code: str | None
) -> list[Classed]:
    """Class each of `migrations` for `code` (a release's name; None: nothing runs) with its schema.prisma.

    `earlier` is the SQL of what is in the database already. A name that comes back in the end is not gone.
    """
    from turnout.migrations.statements import read

    tables = Tables(dialect)
    for sql in earlier:
        read(sql, tables)
    models, told = models_of(schema, tables), []
    made: set[str] = set()
    for one in migrations:
        found = read(one.sql, tables)
        made |= {tables.key(effect.table) for effect in found if effect.kind == "create table"}
        told.append((one, found))
    return [_classed(one, found, models, tables, made, code) for one, found in told]


def _classed(
    one: Migration, found: list[Effect], models: Models, now: Tables, made: set[str], code: str | None
) -> Classed:
    again = {f"drop {effect.table.split()[1]}" for effect in found if effect.kind == "other" and effect.adds}
    old = [
        effect
        for effect in found
        if now.key(effect.table) not in made  # a new table has no users yet
        and not (effect.kind == "other" and " ".join(effect.table.split()[:2]) in again)  # a view, made anew
    ]
    broken = [f"{effect}; {why}" for effect in old if code and (why := _why(effect, models, now, code))]
    return Classed(
        one.name,
        tuple(dict.fromkeys(broken)),
        tuple(f"{effect}: {effect.locks}" for effect in old if effect.locks),
        tuple(
            effect.table for effect in found if effect.kind == "other" and not (effect.adds or effect.removes)
        ),
        tuple(str(effect) for effect in old if effect.removes or effect.tightens),
        tuple(str(effect) for effect in found),
        bool(_CONTRACT.search(one.sql)),
    )


def _why(effect: Effect, models: Models, now: Tables, code: str) -> str:
    """Beside what is gone: what the running code writes may be refused where a column became stricter."""
    used = columns(effect.table, models, now)
    stricter = effect.kind == "change column" and effect.tightens
    if stricter and used is not None and now.key(str(effect.column)) in used:
        return f"{code} uses {effect.table}.{effect.column} as it was"
    if effect.kind == "other" and effect.removes:
        return f"{code} may use it"
    return breaks(effect, models, now, code)
