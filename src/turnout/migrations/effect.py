"""One thing that a migration does to a table or a column."""

from __future__ import annotations

from dataclasses import dataclass


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
