"""One statement of SQL → its effects, and the tables as they are afterwards."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from turnout.migrations import rebuild
from turnout.migrations.effect import Effect
from turnout.migrations.tables import Column, Tables

_ENUM = re.compile(r'TYPE\s+("?)([^"\s]+)\1\s+(ADD\s+VALUE|RENAME\s+TO|RENAME\s+VALUE)\s+(.*)', re.I | re.S)
_HARMLESS = re.compile(
    r"(TABLE|INDEX)\s.*\sRENAME\s+CONSTRAINT\s|EXTENSION\s|SCHEMA\s|SEQUENCE\s|FUNCTION\s|VIEW\s|TRIGGER\s",
    re.I | re.S,
)
_VOLATILE = re.compile(r"random|uuid|nextval|clock_timestamp", re.I)
_QUIET = (exp.Select, exp.Semicolon, exp.Transaction, exp.Commit, exp.Set, exp.Comment, exp.Pragma, exp.Grant)
_WAITS = {
    "rewrite": "{0} is written anew and locked meanwhile",
    "check": "{0} is locked while all its rows are checked",
    "index": "writes to {0} wait while the index is built",
    "rows": "the rows of {0} that change are locked until the migration ends",
    "sqlite": "nobody else writes to the database meanwhile",
}


def read(sql: str, tables: Tables) -> list[Effect]:
    """What a migration does; `tables` is brought up to date."""
    before, found = tables.copy(), list(_all(sql, tables))
    return rebuild.as_differences(found, before, tables, sql)


def _all(sql: str, tables: Tables) -> Iterator[Effect]:
    logger = logging.getLogger("sqlglot")
    level = logger.level
    logger.setLevel(
        logging.ERROR
    )  # it warns of every statement that it keeps as text; we tell of those ourselves
    try:
        trees = sqlglot.parse(sql, dialect=tables.dialect or None)
    except (SqlglotError, RecursionError) as error:
        yield Effect("other", f"SQL that could not be read: {str(error).splitlines()[0]}")
        return
    finally:
        logger.setLevel(level)
    for tree in trees:
        yield from _one(tree, tables)


def _one(tree: Any, tables: Tables) -> Iterator[Effect]:
    handlers: tuple[tuple[type | tuple[type, ...], Callable[[Any, Tables], Iterator[Effect]]], ...] = (
        (exp.Create, _create),
        (exp.Drop, _drop),
        (exp.Alter, _alter),
        ((exp.Update, exp.Delete, exp.Insert), _rows),
        (exp.Command, _command),
    )
    for kind, handler in handlers:
        if isinstance(tree, kind):
            yield from handler(tree, tables)
            return
    if tree is not None and not isinstance(tree, _QUIET):
        yield Effect("other", " ".join(tree.sql().split())[:80])


def name(node: Any, tables: Tables) -> str:
    """The name of a table, column or index, as the database keeps it."""
    found = node.find(exp.Identifier) if not isinstance(node, exp.Identifier) else node
    if isinstance(node, exp.Table | exp.Column):
        found = node.this
    text = str(found.name if found else node)
    folds = (
        tables.dialect == "postgres" and isinstance(found, exp.Identifier) and not found.args.get("quoted")
    )
    return text.lower() if folds else text


def _waits(word: str, table: str, tables: Tables) -> str:
    return _WAITS["sqlite" if tables.dialect == "sqlite" else word].format(table)


def _create(tree: exp.Create, tables: Tables) -> Iterator[Effect]:
    if tree.kind == "TABLE" and isinstance(tree.this, exp.Schema):
        table = name(tree.this.this, tables)
        columns = [one for one in tree.this.expressions if isinstance(one, exp.ColumnDef)]
        tables.create(table, [_column(one, tables) for one in columns])
        yield Effect("create table", table, adds=True)
    elif tree.kind == "INDEX":
        table = name(tree.this.args["table"], tables)
        index = name(tree.this.this, tables) if tree.this.this else None
        locks = None if tree.args.get("concurrently") else _waits("index", table, tables)
        unique = bool(tree.args.get("unique"))
        yield Effect("create index", table, adds=True, locks=locks, to=index, tightens=unique)
    elif tree.kind == "TYPE" and isinstance(tree.expression, exp.DataType):
        enum = name(tree.this, tables)
        tables.enums[enum] = [one.name for one in tree.expression.expressions]
        yield Effect("create type", enum, adds=True)
    else:
        yield Effect("other", f"create {str(tree.kind).lower()}", adds=True)


def _drop(tree: exp.Drop, tables: Tables) -> Iterator[Effect]:
    kind = str(tree.args.get("kind") or "").upper()
    for node in tree.args.get("tables") or ():
        found = name(node, tables)
        if kind == "TABLE":
            tables.drop(found)
            yield Effect("drop table", found, removes=True)
        elif kind == "INDEX":
            yield Effect("drop index", found)
        elif kind == "TYPE":
            tables.enums.pop(found, None)
            yield Effect("drop type", found, removes=True)
        else:
            yield Effect("other", f"drop {kind.lower()} {found}", removes=True)


def _rows(tree: Any, tables: Tables) -> Iterator[Effect]:
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    table = name(target, tables)
    if not isinstance(tree, exp.Insert):
        yield Effect("change rows", table, locks=_waits("rows", table, tables))


def _command(tree: exp.Command, tables: Tables) -> Iterator[Effect]:
    text = " ".join(str(tree.args.get("expression") or "").split())
    verb, enum = str(tree.this).upper(), _ENUM.match(text)
    if verb == "ALTER" and enum:
        yield from _alter_enum(enum, tables)
    elif verb in {"SET", "COMMENT", "SHOW", "PRAGMA", "GRANT", "REVOKE"} or _HARMLESS.match(text):
        return
    else:
        yield Effect("other", f"{verb} {text}"[:80].lower())


def _alter_enum(found: re.Match[str], tables: Tables) -> Iterator[Effect]:
    quote, enum, verb, rest = found.groups()
    enum = enum if quote else enum.lower()
    action = " ".join(verb.upper().split())
    words = re.findall(r"'([^']*)'", rest)
    if action == "ADD VALUE":
        tables.enums.setdefault(enum, []).extend(words[:1])
        yield Effect("create type", enum, words[0] if words else None, adds=True)
    elif action == "RENAME VALUE" and len(words) == 2:
        tables.enums[enum] = [words[1] if one == words[0] else one for one in tables.enums.get(enum, [])]
        yield Effect("drop value", enum, words[0], removes=True, to=words[1])
    else:
        to = rest.strip().strip('";')
        if enum in tables.enums:
            tables.enums[to] = tables.enums.pop(enum)
        yield Effect("drop type", enum, removes=True, to=to)


def _alter(tree: exp.Alter, tables: Tables) -> Iterator[Effect]:
    if str(tree.args.get("kind")).upper() != "TABLE":
        return
    table = name(tree.this, tables)
    for action in tree.args.get("actions") or ():
        yield from _action(action, table, tables)
        if isinstance(action, exp.AlterRename):
            table = name(action.this, tables)


def _action(action: Any, table: str, tables: Tables) -> Iterator[Effect]:
    if isinstance(action, exp.ColumnDef):
        yield _add_column(action, table, tables)
    elif isinstance(action, exp.Drop):
        yield from _drop_part(action, table, tables)
    elif isinstance(action, exp.RenameColumn):
        old, new = name(action.this, tables), name(action.args["to"], tables)
        tables.drop_column(table, old)
        tables.add_column(table, Column(new))
        yield Effect("rename column", table, old, removes=True, to=new)
    elif isinstance(action, exp.AlterRename):
        to = name(action.this, tables)
        tables.rename(table, to)
        yield Effect("rename table", table, removes=True, to=to)
    elif isinstance(action, exp.AlterColumn):
        yield _alter_column(action, table, tables)
    elif isinstance(action, exp.AddConstraint):
        yield Effect("add constraint", table, adds=True, locks=_waits("check", table, tables), tightens=True)
    else:
        yield Effect("other", f"alter table {table}: {action.sql()[:60]}")


def _add_column(action: exp.ColumnDef, table: str, tables: Tables) -> Effect:
    column = _column(action, tables)
    tables.add_column(table, column)
    default = action.find(exp.DefaultColumnConstraint)
    rewritten = _filled(action, tables) or (default is not None and bool(_VOLATILE.search(default.sql())))
    locks = _waits("rewrite", table, tables) if rewritten else None
    return Effect("add column", table, column.name, adds=True, locks=locks, requires=column.required)


def _column(node: exp.ColumnDef, tables: Tables) -> Column:
    kinds = [one.kind for one in node.constraints]
    needed = any(
        isinstance(one, exp.NotNullColumnConstraint) and not one.args.get("allow_null") for one in kinds
    )
    default = any(isinstance(one, exp.DefaultColumnConstraint) for one in kinds)
    kind = node.kind.sql(dialect=tables.dialect or None).upper() if node.kind else ""
    return Column(name(node.this, tables), needed and not default and not _filled(node, tables), kind)


def _filled(node: exp.ColumnDef, tables: Tables) -> bool:
    """Does the database itself count or compute it? SQLite counts a whole-number primary key."""
    kind = node.kind.sql(dialect=tables.dialect or None).upper() if node.kind else ""
    constraints = [one.kind for one in node.constraints]
    key = any(isinstance(one, exp.PrimaryKeyColumnConstraint) for one in constraints)
    made = (
        exp.GeneratedAsIdentityColumnConstraint,
        exp.ComputedColumnConstraint,
        exp.AutoIncrementColumnConstraint,
    )
    counted = "SERIAL" in kind or (tables.dialect == "sqlite" and kind == "INTEGER" and key)
    return counted or any(isinstance(one, made) for one in constraints)


def _drop_part(action: exp.Drop, table: str, tables: Tables) -> Iterator[Effect]:
    kind = str(action.args.get("kind") or "").upper()
    for node in action.args.get("tables") or ():
        part = name(node, tables)
        if kind == "COLUMN":
            tables.drop_column(table, part)
            yield Effect("drop column", table, part, removes=True)
        else:
            yield Effect("drop constraint", table, to=None)


def _alter_column(action: exp.AlterColumn, table: str, tables: Tables) -> Effect:
    column = name(action.this, tables)
    if action.args.get("default") is not None or action.args.get("allow_null"):
        tables.relax(table, column)
    if action.args.get("dtype"):
        locks = _waits("rewrite", table, tables)
        return Effect("change column", table, column, locks=locks, tightens=True)
    if action.args.get("allow_null") is False:
        return Effect("change column", table, column, locks=_waits("check", table, tables), tightens=True)
    dropped = bool(action.args.get("drop")) and action.args.get("allow_null") is None
    return Effect("change column", table, column, tightens=dropped)
