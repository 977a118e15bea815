"""The tables and enums that migrations have made so far, by what their SQL says. No database is asked."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import NamedTuple


class Column(NamedTuple):
    """A column: its name as written, and whether every new row must name it (NOT NULL, and nothing fills it)."""

    name: str
    required: bool = False
    kind: str = ""
    """Its type, as written; "" where it is not known."""


@dataclass
class Tables:
    """Columns by table, values by enum; names compare as the dialect compares them."""

    dialect: str
    columns: dict[str, dict[str, Column]] = field(default_factory=dict)
    """Table key → column key → column."""
    enums: dict[str, list[str]] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """SQLite and MySQL compare names without case; PostgreSQL's were folded when they were read."""
        return name if self.dialect == "postgres" else name.casefold()

    def copy(self) -> Tables:
        """One that can be changed on its own."""
        return deepcopy(self)

    def knows(self, table: str) -> bool:
        """Is this table there, by what was read?"""
        return self.key(table) in self.columns

    def has(self, table: str, column: str) -> bool:
        """Is this column there, by what was read?"""
        return self.key(column) in self.columns.get(self.key(table), {})

    def requires(self, table: str, column: str) -> bool:
        """Must every new row name this column?"""
        found = self.columns.get(self.key(table), {}).get(self.key(column))
        return found is not None and found.required

    def create(self, table: str, columns: Iterable[Column]) -> None:
        """A new table."""
        self.columns[self.key(table)] = {self.key(column.name): column for column in columns}

    def drop(self, table: str) -> None:
        """A table goes; one that was never seen is no matter."""
        self.columns.pop(self.key(table), None)

    def rename(self, table: str, to: str) -> None:
        """A table gets another name."""
        self.columns[self.key(to)] = self.columns.pop(self.key(table), {})

    def add_column(self, table: str, column: Column) -> None:
        """A table gets a column."""
        self.columns.setdefault(self.key(table), {})[self.key(column.name)] = column

    def drop_column(self, table: str, column: str) -> None:
        """A table loses a column."""
        self.columns.get(self.key(table), {}).pop(self.key(column), None)

    def relax(self, table: str, column: str) -> None:
        """New rows need not name a column any more."""
        if self.requires(table, column):
            self.add_column(table, self.columns[self.key(table)][self.key(column)]._replace(required=False))
