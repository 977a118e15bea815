"""What the database says: SQLite's file, and addresses of PostgreSQL (the server itself: test_postgres.py)."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from turnout_host.databases import look as module
from turnout_host.databases.look import look
from turnout_host.databases.postgres import CannotAsk, address

TABLE = """CREATE TABLE _prisma_migrations (id TEXT, checksum TEXT, finished_at DATETIME, migration_name TEXT,
logs TEXT, rolled_back_at DATETIME, started_at DATETIME, applied_steps_count INTEGER)"""
ROW = """INSERT INTO _prisma_migrations (migration_name, started_at, finished_at, rolled_back_at, logs)
VALUES (?, 1, ?, ?, ?)"""


def made(file: Path, *rows: tuple[Any, ...]) -> dict[str, Any]:
    with sqlite3.connect(file) as database:
        database.execute(TABLE)
        database.executemany(ROW, rows)
    database.close()
    return look({"URL": f"file:{file}"}, ["URL"])


def test_rows_of_prismas_table(tmp_path: Path) -> None:
    """Ended: applied; rolled back: as if it never was; neither: failed, or killed."""
    found = made(tmp_path / "a.db", ("m1", 2, None, None), ("m2", None, 3, "x"), ("m3", None, None, "why"))
    assert (found["asked"], found["exists"], found["fault"]) == (True, True, None)
    assert found["applied"] == ["m1"]
    assert found["failed"] == [{"name": "m3", "started": "1", "logs": "why"}]


def test_the_first_key_with_a_value_counts(tmp_path: Path) -> None:
    """`directUrl` before `url`."""
    values = {"A": "", "B": f"file:{tmp_path}/none.db", "C": "file:x"}
    found = look(values, ["A", "B", "C"])
    assert (found["key"], found["asked"], found["exists"]) == ("B", True, False)
    assert not (tmp_path / "none.db").exists()


def test_a_file_without_prismas_table_has_nothing_in(tmp_path: Path) -> None:
    """A new database."""
    sqlite3.connect(tmp_path / "a.db").close()
    (tmp_path / "a.db").touch()
    found = look({"URL": f"file:{tmp_path}/a.db?connection_limit=1"}, ["URL"])
    assert (found["exists"], found["applied"], found["failed"]) == (True, [], [])


def test_a_file_that_may_not_be_written_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said beforehand; root is asked by the file system, so a read-only mount counts too."""
    made(tmp_path / "a.db")
    monkeypatch.setattr(module.os, "access", lambda path, mode: mode != os.W_OK)
    assert "may not be written" in look({"URL": f"file:{tmp_path}/a.db"}, ["URL"])["fault"]["message"]


@pytest.mark.parametrize("before", ["file:", "file://"])
def test_paths_as_they_are_written(tmp_path: Path, before: str) -> None:
    """Double slashes and percent signs, with and without the empty host of an address."""
    (tmp_path / "a%20b").mkdir()
    file = tmp_path / "a%20b/c.db"
    made(file, ("m1", 2, None, None))
    assert look({"URL": f"{before}{tmp_path}/a%20b//c.db?x=1"}, ["URL"])["applied"] == ["m1"]
    assert look({"URL": f"{before}{tmp_path}/a%2520b/c.db"}, ["URL"])["applied"] == ["m1"]


def test_a_text_is_no_database(tmp_path: Path) -> None:
    """The wrong file."""
    (tmp_path / "a.db").write_text("text " * 300)
    assert "is not a database" in look({"URL": f"file:{tmp_path}/a.db"}, ["URL"])["fault"]["message"]


@pytest.mark.parametrize(
    "values,why",
    [
        ({}, "the dotenv has no URL"),
        ({"URL": "file:./dev.db"}, "relative"),
        ({"URL": "mysql://u:hunter2@h/db"}, "`mysql:` is not spoken"),
        ({"URL": "prisma+postgres://x?api_key=hunter2"}, "not spoken"),
        ({"URL": "postgresql://u:hunter2@h:port/db"}, "cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_said(values: dict[str, str], why: str) -> None:
    """No fault: Prisma may do better. No secret either."""
    found = look(values, ["URL"])
    assert (found["asked"], found["fault"]) == (False, None)
    assert why in found["why"]
    assert "hunter2" not in str(found)


def test_nobody_there_is_a_fault() -> None:
    """Port 1 of this machine: told at once, without the password."""
    found = look({"URL": "postgresql://u:hunter2@127.0.0.1:1/db"}, ["URL"])
    assert "127.0.0.1:1 cannot be reached" in found["fault"]["message"]
    assert "hunter2" not in str(found)


def test_addresses() -> None:
    """Percent signs, IPv6, a socket's folder, defaults."""
    one = address("postgres://a%40b:p%2Fw@[::1]:6000/db?schema=s&sslmode=disable")
    assert (one.host, one.port, one.user, one.password, one.database) == ("::1", 6000, "a@b", "p/w", "db")
    assert one.options == {"schema": "s", "sslmode": "disable"}
    assert "p/w" not in str(one)
    other = address("postgresql://u@localhost/db?host=/run/postgresql")
    assert (other.host, other.port) == ("/run/postgresql", 5432)
    with pytest.raises(CannotAsk):
        address("mysql://h/db")
