"""The call `database`, and what `migrate` keeps and says of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.turnout_host.test_calls import call, staged
from turnout_host.calls import databases, deployment
from turnout_host.errors import MigrationError
from turnout_host.host import Host

LOCK = {"pid": 4711, "user": "app", "application": "", "client": "10.0.0.9", "since": 1.0, "state": "idle"}
LOCK["query"] = "SELECT 1"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Host]:
    """With the lease, and a dotenv that leads to a file of SQLite."""
    there = Host(str(tmp_path / "app"))
    there.lease.acquire(lambda: 0, {"deployment": "d"}, 0.0, lambda _: None)
    there.deployment = "d"
    there.layout.dotenv.write_text(f"DATABASE_URL=file:{tmp_path}/a.db\n")
    yield there
    there.lease.release()


def test_without_a_dotenv_nothing_can_be_asked(there: Host) -> None:
    """The survey says what is missing; this is no second complaint."""
    there.layout.dotenv.unlink()
    found = call(databases.call_database, there, keys=["DATABASE_URL"])
    assert (found["asked"], found["fault"], found["interrupted"]) == (False, None, None)


@pytest.mark.parametrize(
    "adapter,typed", [(True, "DELETE FROM _prisma_migrations"), (False, "--rolled-back m1")]
)
def test_a_failed_migration_is_a_fault_with_the_command(
    there: Host, tmp_path: Path, adapter: bool, typed: str
) -> None:
    """`migrate resolve` where Prisma has its engine, the statement itself where not; and the reason that was kept."""
    with sqlite3.connect(tmp_path / "a.db") as database:
        names = "migration_name, finished_at, rolled_back_at, started_at, logs"
        database.execute(f"CREATE TABLE _prisma_migrations ({names})")
        database.execute("INSERT INTO _prisma_migrations VALUES ('m1', NULL, NULL, 'noon', 'no such table')")
    fault = call(databases.call_database, there, keys=["DATABASE_URL"], adapter=adapter)["fault"]
    assert "m1" in fault["message"]
    assert "P3009" in fault["message"]
    assert fault["why"] == ["it was begun at noon", "no such table"]
    assert any(typed in line for line in fault["remedy"])


def test_a_lock_is_waited_for_and_then_named(there: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is given back in time is no fault."""
    monkeypatch.setattr(databases, "AGAIN", 0.0)
    free = {"asked": True, "fault": None, "failed": [], "lock": None}
    answers = iter([{**free, "lock": LOCK}, free])
    monkeypatch.setattr(databases, "look", lambda *_: next(answers))
    assert call(databases.call_database, there, keys=["K"])["fault"] is None

    monkeypatch.setattr(databases, "PATIENCE", 0.0)
    monkeypatch.setattr(databases, "look", lambda *_: {**free, "lock": LOCK})
    fault = call(databases.call_database, there, keys=["K"])["fault"]
    assert "P1002" in fault["message"]
    assert "session 4711 of app from 10.0.0.9" in fault["why"][0]
    assert "SELECT pg_terminate_backend(4711);" in fault["remedy"][1]


def test_a_run_without_an_end_is_told(there: Host) -> None:
    """It was killed: the journal has its begin only."""
    staged(there, "m1")
    assert call(databases.call_database, there, keys=["DATABASE_URL"])["interrupted"] is None
    there.journal.append("migration.started", "d", release="v1", pending=["m1"])
    found = call(databases.call_database, there, keys=["DATABASE_URL"])["interrupted"]
    assert (found["release"], found["pending"]) == ("v1", ["m1"])


def test_what_was_allowed_is_kept(there: Host) -> None:
    """With the begin of the run, before anything of it happens."""
    staged(there, "m1")
    because: dict[str, Any] = {"allowed": "--allow-breaking", "by": "ann", "over": ["m1: drop column"]}
    call(deployment.call_migrate, there, release="v1", commands=["true"], because=because)
    (begun,) = [one for one in there.journal.since(0, "d") if one["type"] == "migration.started"]
    assert begun["because"] == because


def test_a_lock_that_came_later_is_named_too(there: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prisma itself waited for it in vain."""
    staged(there, "m1")
    (there.layout.release("v1") / ".env").write_text("K=postgresql://h/db\n")
    monkeypatch.setattr(deployment, "look", lambda values, keys: {"lock": LOCK if values[keys[0]] else None})
    with pytest.raises(MigrationError, match="session 4711 of app") as caught:
        call(
            deployment.call_migrate, there, release="v1", commands=["echo 'Error: P1002'; exit 1"], keys=["K"]
        )
    assert "pg_terminate_backend(4711)" in str(caught.value.detail["remedy"])
