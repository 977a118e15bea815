"""A table that is made anew under its old name, and an enum likewise: told as the difference, not as a loss."""

from __future__ import annotations

import re

from turnout.migrations.effect import Effect
from turnout.migrations.tables import Column, Tables

_COPIED = r"INSERT\s+INTO\s+[\"`\[]?{0}[\"`\]]?\s*\(([^)]*)\)"
_WARNING = re.compile(r"drop the column `([^`]+)` on the `([^`]+)` table")
"""Prisma writes it above the SQL that does so."""


def as_differences(found: list[Effect], before: Tables, after: Tables, sql: str) -> list[Effect]:
    """The effects, where a table or enum that went and came again under its name is what changed in it."""
    told = list(found)
    for table, made in _rebuilt_tables(found, after).items():
        at = next(
            i for i, one in enumerate(told) if one.kind == "create table" and one.table in {made, table}
        )
        told = [one for one in told if not _is_step(one, table, made, after)]
        apart = {(one.kind, one.table, one.column) for one in told}
        changes = _columns(table, made, before, after, sql)
        told[at:at] = [one for one in changes if (one.kind, one.table, one.column) not in apart]
    return [one for one in told if not _type_step(one, found)] + _enums(found, before, after)


def _rebuilt_tables(found: list[Effect], after: Tables) -> dict[str, str]:
    """Tables that were dropped or renamed away, and made or renamed back: by name, what the new one was called."""
    gone, made = {}, {}
    for one in found:
        if one.kind in {"drop table", "rename table"}:
            gone[after.key(one.table)] = one.table
        if one.kind == "create table":
            made[after.key(one.table)] = one.table
        elif one.kind == "rename table" and one.to and after.key(one.table) in made:
            made[after.key(one.to)] = one.table
    return {gone[key]: made[key] for key in gone if key in made and key in after.columns}


def _is_step(one: Effect, table: str, made: str, after: Tables) -> bool:
    names = {after.key(table), after.key(made)}
    mine = after.key(one.table) in names or (one.to is not None and after.key(one.to) in names)
    return one.kind in {"create table", "drop table", "rename table"} and mine


def _columns(table: str, made: str, before: Tables, after: Tables, sql: str) -> list[Effect]:
    now, was = after.columns[after.key(table)], _before(table, made, before, after, sql)
    locks = f"all of {table} is copied; nobody else writes to the database meanwhile"
    gone = [Effect("drop column", table, was[key].name, removes=True) for key in was if key not in now]
    come = [
        Effect("add column", table, now[key].name, adds=True, requires=now[key].required)
        for key in now
        if key not in was
    ]
    both = [(was[key], now[key]) for key in now if key in was and before.knows(table)]
    tight = [
        Effect("change column", table, new.name, tightens=True)
        for old, new in both
        if (new.required and not old.required) or (old.kind and old.kind != new.kind)
    ]
    return [Effect("rebuild table", table, locks=locks), *gone, *come, *tight]


def _before(table: str, made: str, before: Tables, after: Tables, sql: str) -> dict[str, Column]:
    """The columns that the table had: as earlier migrations made it, else as far as this one's own text tells."""
    if before.knows(table):
        return before.columns[before.key(table)]
    copied = re.search(_COPIED.format(re.escape(made)), sql, re.IGNORECASE)
    now = [column.name for column in after.columns[after.key(table)].values()]
    names = re.findall(r"[^\s,\"`\[\]]+", copied[1]) if copied else now
    names += [column for column, where in _WARNING.findall(sql) if where == table]
    return {after.key(column): Column(column) for column in names}


def _type_step(one: Effect, found: list[Effect]) -> bool:
    """A step of Prisma's way to take a value from an enum: E_new is made, E becomes E_old, E_new E, E_old goes."""
    if one.kind not in {"create type", "drop type"} or one.column:
        return False
    renamed = {each.table: each.to for each in found if each.kind == "drop type" and each.to}
    swapped = {old for old, new in renamed.items() if old in renamed.values()}
    steps = {
        *swapped,
        *(old for old, new in renamed.items() if new in swapped),
        *(renamed[old] for old in swapped),
    }
    return one.table in steps


def _enums(found: list[Effect], before: Tables, after: Tables) -> list[Effect]:
    told = {(one.table, one.column) for one in found}
    return [
        Effect("drop value", enum, value, removes=True)
        for enum, values in before.enums.items()
        for value in values
        if enum in after.enums and value not in after.enums[enum] and (enum, value) not in told
    ]
