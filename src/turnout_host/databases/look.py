"""What the app's database itself says about Prisma's migrations, told in one form for SQLite and PostgreSQL."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence
from urllib.parse import quote, unquote

from turnout_host.databases import postgres
from turnout_host.hiding import hide, secrets
from turnout_host.migrations.prisma import URL

_TABLE = "_prisma_migrations"
_ROWS = "SELECT migration_name, finished_at, rolled_back_at, started_at, logs FROM {} ORDER BY started_at"
_HOLDER = """
SELECT a.pid, a.usename, a.application_name, coalesce(host(a.client_addr), 'this machine'),
  extract(epoch FROM a.backend_start), a.state, left(a.query, 200)
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.objid = 72707369 AND l.classid = 0 AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
LIMIT 1"""
_HOLDER_KEYS = ("pid", "user", "application", "client", "since", "state", "query")
_NOBODY = (ConnectionRefusedError, socket.timeout, socket.gaierror, FileNotFoundError)
Answer = Dict[str, Any]


def look(values: Mapping[str, str], keys: Sequence[str]) -> Answer:
    """Ask the database that the first of `keys` with a value in the dotenv leads to.

    `asked` false: nothing could ask, `why` says what stands in the way. `fault` `{message, remedy}`: no migration can
    run as things are. `applied` and `failed` are what Prisma's own table says; `lock` is who holds its lock.
    """
    key = next((key for key in keys if values.get(key)), None)
    answer: Answer = {"asked": False, "why": None, "key": key, "fault": None, "exists": None}
    answer.update(applied=[], failed=[], lock=None)
    if key is None:
        return dict(answer, why=f"the dotenv has no {' or '.join(keys)}")
    url, hidden = values[key], secrets(values)
    try:
        found = _sqlite(url) if url.startswith("file:") else _postgres(url, hidden)
    except postgres.CannotAsk as reason:
        return dict(answer, why=hide(str(reason), hidden))
    return {**answer, "asked": True, **found}


def _sqlite(url: str) -> Answer:
    try:
        import sqlite3
    except ImportError:
        raise postgres.CannotAsk("this host's python3 has no sqlite3 module") from None
    file = _file(url)
    if not file.is_absolute():
        raise postgres.CannotAsk("its path is relative")
    if not file.exists():
        return {"exists": False}
    if not os.access(file, os.W_OK):
        return {"exists": True, "fault": _fault(f"the database file {file} may not be written")}
    try:
        database = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=2)
        try:
            there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
            if not database.execute(there, (_TABLE,)).fetchall():
                return {"exists": True}
            return {"exists": True, **_told(database.execute(_ROWS.format(_TABLE)).fetchall())}
        finally:
            database.close()
    except sqlite3.OperationalError as error:
        raise postgres.CannotAsk(str(error)) from None
    except sqlite3.DatabaseError:
        return {"exists": True, "fault": _fault(f"the file {file} is not a database")}


def _file(url: str) -> Path:
    """Prisma's engine takes the path as it stands, libSQL without its percent signs."""
    path = url[len("file:") :].partition("?")[0]
    path = path[2:] if path.startswith("//") else path
    return Path(path) if os.path.exists(path) else Path(unquote(path))


def _postgres(url: str, hidden: List[str]) -> Answer:
    where = postgres.address(url)
    try:
        with postgres.Session(where) as session:
            return {"exists": True, **_asked(session, where.options.get("schema") or "public", hidden)}
    except postgres.Refused as refused:
        return _refusal(where, refused, hidden)
    except _NOBODY as error:
        why = (
            "it did not answer in time" if isinstance(error, socket.timeout) else error.strerror or str(error)
        )
        message = f"the database server at {where.host}:{where.port} cannot be reached: {why}"
        return {"fault": _fault(message, "see that it runs and listens")}
    except (OSError, ValueError, KeyError, struct.error) as error:  # Prisma may get on with it
        raise postgres.CannotAsk(f"its answer was not understood: {error}") from None


def _asked(session: postgres.Session, schema: str, hidden: List[str]) -> Answer:
    if session.rows("SHOW transaction_read_only") == [["on"]]:
        standby = session.rows("SELECT pg_is_in_recovery()") == [["t"]]
        why = "it is a standby" if standby else "default_transaction_read_only is on"
        return {"fault": _fault(f"the database takes no writes: {why}")}
    found: Answer = {"lock": _holder(session, hidden)}
    table = f"{_quoted(schema)}.{_TABLE}"
    if session.rows(f"SELECT to_regclass('{table}')") != [[None]]:
        found.update(_told(session.rows(_ROWS.format(table))))
    return found


def _holder(session: postgres.Session, hidden: List[str]) -> Optional[Answer]:
    rows = session.rows(_HOLDER)
    if not rows:
        return None
    holder: Answer = dict(zip(_HOLDER_KEYS, rows[0]))
    query = hide(str(holder["query"] or ""), hidden)
    since = (
        None if holder["since"] is None else float(holder["since"])
    )  # of another user, to who is no superuser
    return dict(holder, pid=int(holder["pid"]), since=since, query=" ".join(query.split()))


def _quoted(name: str) -> str:
    """As an identifier; a name that a literal could not hold as it stands is not asked for."""
    if "'" in name or "\\" in name:
        raise postgres.CannotAsk("the schema's name cannot be asked for")
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _told(rows: Sequence[Sequence[Any]]) -> Answer:
    """Prisma's table: a row without an end, and not marked as rolled back, failed or was killed (P3009)."""
    known = [row for row in rows if row[2] is None]
    return {
        "applied": [str(row[0]) for row in known if row[1] is not None],
        "failed": [_failed(row) for row in known if row[1] is None],
    }


def _failed(row: Sequence[Any]) -> Answer:
    return {"name": str(row[0]), "started": str(row[3]), "logs": str(row[4] or "")[:2000]}


def _refusal(where: postgres.Address, refused: postgres.Refused, hidden: List[str]) -> Answer:
    said = hide(str(refused), hidden)
    if refused.code == "3D000":  # Prisma makes one that is not there
        return {"exists": False}
    if refused.code in ("28P01", "28000"):
        return {
            "fault": _fault(f"the database server at {where.host}:{where.port} refused the login: {said}")
        }
    if refused.code in ("57P03", "53300"):
        return {"fault": _fault(f"the database server at {where.host}:{where.port} takes nobody now: {said}")}
    raise postgres.CannotAsk(f"it said {refused.code}: {said}")


def _fault(message: str, *remedy: str) -> Answer:
    return {"message": message, "remedy": [*remedy, URL]}
