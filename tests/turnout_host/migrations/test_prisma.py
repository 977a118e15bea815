"""Migrations are run once, to their end, and a failure is told by name and with what to type."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.turnout_host.goods import Host, Program, host, listing
from turnout_host import children, dotenv, layers, releases
from turnout_host.errors import MigrationError
from turnout_host.migrations import prisma

HEAD = """\
Loaded Prisma config from prisma.config.ts.

Prisma config detected, skipping environment variable loading.
Prisma schema loaded from prisma/schema.prisma
Datasource "db": SQLite database "a.db" using driver adapter "@prisma/adapter-libsql"

3 migrations found in prisma/migrations

"""
# engine 'js' of 6.19.3, as it was printed
BROKEN_JS = (
    HEAD
    + """\
Error: SQLITE_ERROR: no such table: Nope
   0: sql_schema_connector::apply_migration::apply_script
           with migration_name="20261101000000_broken"
             at schema-engine/connectors/sql-schema-connector/src/apply_migration.rs:113
   1: schema_commands::commands::apply_migrations::Applying migration
           with migration_name="20261101000000_broken"
             at schema-engine/commands/src/commands/apply_migrations.rs:95
"""
)
P3009_JS = (
    HEAD
    + """\
Error: P3009

migrate found failed migrations in the target database, new migrations will not be applied. Read more about how to \
resolve migration issues in a production database: https://pris.ly/d/migrate-resolve
The `20261101000000_broken` migration started at 2026-11-25 10:06:12.281 UTC failed

"""
)
NOT_OPENED_JS = HEAD + "Error: External error id#0\n"
NOT_A_DATABASE_JS = (
    HEAD + "Error: SQLITE_NOTADB: file is not a database\n   0: sql_schema_connector::initialize\n"
)
NOBODY_JS = (
    HEAD + "Error: Can't reach database server at `127.0.0.1:57675`\n\nPlease make sure it is running.\n"
)
AWAY_JS = HEAD + "Error: Server has closed the connection.\n"
LOGIN_JS = (
    HEAD
    + "Error: Authentication failed against database server, the credentials for `owner` are not valid.\n"
)
NO_DATABASE_JS = HEAD + "Error: Database `nothere` does not exist\n"
# the native engine
P3018 = """\
3 migrations found in prisma/migrations

Applying migration `20261012140000_count_views`
Applying migration `20261101000000_broken`
Error: P3018

A migration failed to apply. New migrations cannot be applied before the error is recovered from. Read more about how \
to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve

Migration name: 20261101000000_broken

Database error code: 42P01

Database error:
ERROR: relation "Nope" does not exist
"""
P1002 = """\
Error: P1002

The database server was reached but timed out.

Context: Timed out trying to acquire a postgres advisory lock (SELECT pg_advisory_lock(72707369)). Timeout: 10000ms. \
See https://pris.ly/d/migrate-advisory-locking for details.
"""
P1001 = "Error: P1001: Can't reach database server at `127.0.0.1:5432`\n"
P1003 = "Error: P1003: Database `blue` does not exist\n"
P1012 = """\
Error: Prisma schema validation - (get-config wasm)
Error code: P1012
error: Environment variable not found: DATABASE_URL.
"""
NO_PRISMA = 'npm error npx canceled due to missing packages and no YES option: ["prisma@7.10.1"]\n'
KILLED = "Applying migration `20261012140000_count_views`\nApplying migration `20261101000000_broken`\n"


@pytest.mark.parametrize(
    "output, name, message, typed",
    [
        (
            BROKEN_JS,
            "20261101000000_broken",
            "migration 20261101000000_broken failed",
            "DELETE FROM _prisma_migrations",
        ),
        (P3009_JS, "20261101000000_broken", "in an earlier run", "DELETE FROM _prisma_migrations"),
        (
            P3018,
            "20261101000000_broken",
            "migration 20261101000000_broken failed",
            "cd x && npx --no-install prisma migrate resolve --rolled-back 2026",
        ),
        (KILLED, "20261101000000_broken", "migration 20261101000000_broken failed", "--rolled-back"),
        (P1001, None, "cannot be reached", "DATABASE_URL"),
        (P1002, None, "72707369", "pg_terminate_backend"),
        (P1003, None, "does not exist", "create it"),
        (P1012, None, "not valid", "DATABASE_URL"),
        (NOBODY_JS, None, "cannot be reached", "DATABASE_URL"),
        (AWAY_JS, None, "went away", "listens"),
        (LOGIN_JS, None, "refused the login", "DATABASE_URL"),
        (NO_DATABASE_JS, None, "does not exist", "create it"),
        (NOT_OPENED_JS, None, "cannot be opened", "DATABASE_URL"),
        (NOT_A_DATABASE_JS, None, "not a database", "DATABASE_URL"),
        (NO_PRISMA, None, "not installed", "dependencies"),
        ("something\nelse broke\n\n", None, "the migration command failed: else broke", "deploy again"),
        ("", None, "it said nothing", "deploy again"),
        ("Migration name: $(reboot)\n", None, "the migration command failed", "deploy again"),
    ],
)
def test_output_is_explained(output: str, name: str | None, message: str, typed: str) -> None:
    """The migration's name where there is one, what went wrong in one line, and what to type."""
    lines = output.splitlines()
    assert prisma.failed_name(lines) == name
    explained = prisma.explain(lines, "cd x && ")
    assert message in explained.message
    assert typed in "\n".join(explained.remedy)


APPLIED_JS = (
    HEAD
    + """\

The following migration(s) have been applied:

migrations/
  └─ 20261101000000_tags/
    └─ migration.sql

All migrations have been successfully applied.
"""
)


@pytest.mark.parametrize(
    "output, applied",
    [
        (APPLIED_JS, ["20261101000000_tags"]),
        ("Applying migration `20261101000000_tags`\n" + APPLIED_JS, ["20261101000000_tags"]),
        (HEAD + "No pending migrations to apply.\n", []),
        ("my own tool is done\n", ["20260901090000_videos", "20261101000000_tags"]),
    ],
)
def test_what_was_applied_is_what_prisma_says(output: str, applied: list[str]) -> None:
    """After a changed dotenv the journal takes all for pending, and the database may have them; Prisma knows."""
    pending = ["20260901090000_videos", "20261101000000_tags"]
    assert prisma.applied(output.splitlines(), pending) == applied


SEED = "Applying migration `1_a`\nApplying migration `2_b`\nAll migrations have been successfully applied.\nno seeds"


@pytest.mark.parametrize(
    "output, failed, went_in",
    [
        (BROKEN_JS, "3_c", ["1_a", "2_b"]),  # engine 'js' names only the one that failed
        (
            "Applying migration `2_b`\nApplying migration `3_c`\nError: P3018",
            "3_c",
            ["2_b"],
        ),  # 1_a was in before
        ("Applying migration `3_c`\nError: P3018", "3_c", []),
        ("Error: P3009", "1_a", []),
        (SEED, None, ["1_a", "2_b"]),  # another command of the user's failed
        ("Error: P1001", None, []),
        ("Error", "0_unknown", []),
    ],
)
def test_what_went_in_before_a_failure(output: str, failed: str | None, went_in: list[str]) -> None:
    """Prisma applies them in order and takes none back."""
    assert prisma.went_in(output.splitlines(), ["1_a", "2_b", "3_c"], failed) == went_in


@pytest.mark.parametrize(
    "wanted, known, pending",
    [
        ({}, None, []),
        ({"2": "b", "1": "a"}, None, ["1", "2"]),
        ({"2": "b", "1": "a"}, {}, ["1", "2"]),
        ({"2": "b", "1": "a"}, {"1": "a"}, ["2"]),
        ({"2": "b", "1": "a"}, {"1": "a", "2": "b", "3": "c"}, []),
        ({"1": "edited"}, {"1": "a"}, ["1"]),
    ],
)
def test_pending_is_what_the_journal_does_not_know(
    wanted: dict[str, str], known: dict[str, str] | None, pending: list[str]
) -> None:
    """In order; what is only in the database (an older release after a rollback) is not pending."""
    assert prisma.pending_by_journal(wanted, known) == pending


@pytest.fixture
def there(tmp_path: Path) -> Host:
    """A host with a release whose layer has one program."""
    there = host(tmp_path / "app")
    releases.stage(there.layout, there.store, "v1", there.send({"package.json": b"{}"}), ())
    tool = Program(b"#!/bin/sh\necho tool in $PWD\n")
    layers.lay(there.layout, there.store, "deps", there.send({"node_modules/.bin/tool": tool}))
    releases.install(there.layout, "v1", "deps")
    return there


def migrate(there: Host, *commands: str) -> list[str]:
    said: list[str] = []
    prisma.migrate(there.layout, there.layout.release("v1"), commands, [], said.append)
    return said


def test_commands_run_in_the_release_one_after_another(there: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """With node_modules/.bin first in PATH; they are left to finish when the deployer goes away."""
    finish = []
    run = children.run

    def watched(*args: Any, **named: Any) -> children.Finished:
        finish.append(named.get("finish"))
        return run(*args, **named)

    monkeypatch.setattr(children, "run", watched)
    assert migrate(there, "tool", "echo two") == [f"tool in {there.layout.release('v1')}", "two"]
    assert finish == [True, True]


def test_the_first_failure_ends_it(there: Host) -> None:
    """The error has the name, the last lines and a remedy; the second command does not run."""
    with pytest.raises(MigrationError) as caught:
        migrate(there, f"printf '%s' '{P3009_JS}'; exit 1", "touch ran")
    assert caught.value.detail["migration"] == "20261101000000_broken"
    assert caught.value.detail["tail"][-2].startswith("The `20261101000000_broken` migration")
    assert caught.value.detail["remedy"]
    assert not (there.layout.release("v1") / "ran").exists()


def test_a_killed_command_is_told_as_such(there: Host) -> None:
    """By the signal, with the migration that was under way."""
    with pytest.raises(MigrationError, match=r"killed by signal 9; migration 20261101000000_broken failed"):
        migrate(there, f"printf '%s\n' '{KILLED}'; kill -9 $$")


def test_secrets_show_nowhere(there: Host) -> None:
    """Not in the lines that are told, and not in the error."""
    dotenv.write(there.layout, "v1", b"DATABASE_URL=postgresql://u:hunter2@h/db\nAPI_KEY='abcdef'\n", "v1-x")
    said: list[str] = []
    with pytest.raises(MigrationError) as caught:
        prisma.migrate(there.layout, there.layout.release("v1"), ["cat .env; exit 1"], [], said.append)
    assert "DATABASE_URL=postgresql://u:…@h/db" in said
    told = str(said) + str(caught.value.__dict__)
    assert "hunter2" not in told
    assert "abcdef" not in told


@pytest.mark.integration
def test_the_sample_migrates_breaks_and_recovers_for_real(tmp_path: Path) -> None:
    """Layer made here by npm, two migrations applied, a broken one named twice, and the remedy as typed clears it."""
    sample = Path(__file__).parents[3] / "examples" / "blue-video-backend"
    node = shutil.which("node")
    assert node, "Node is needed"
    dirs = [str(Path(node).parent)]
    there = host(tmp_path / "app")
    there.layout.release("v1").mkdir()
    names = ("package.json", "package-lock.json", "prisma.config.ts", ".npmrc")
    for name in names:
        shutil.copy(sample / name, there.layout.release("v1"))
    shutil.copytree(sample / "prisma", there.layout.release("v1") / "prisma")
    database = there.layout.shared / "app.db"
    dotenv.write(there.layout, "v1", f"DATABASE_URL=file:{database}\n".encode(), "v1-x")
    commands = ["npm ci --omit=dev", "npx --no-install prisma generate"]
    inputs = ["package.json", "package-lock.json", "prisma/schema.prisma", "prisma.config.*"]
    layers.make(there.layout, "deps", there.layout.release("v1"), commands, inputs, dirs, print)
    releases.install(there.layout, "v1", "deps")
    deploy = ["npx --no-install prisma migrate deploy"]
    wanted = releases.migrations(there.layout.release("v1"))
    prisma.migrate(there.layout, there.layout.release("v1"), deploy, dirs, print)
    assert applied(database) == sorted(wanted)

    broken = there.layout.release("v1") / "prisma/migrations/20300101000000_broken"
    broken.mkdir()
    (broken / "migration.sql").write_text('ALTER TABLE "Nope" ADD COLUMN "x" TEXT;')
    told = []
    for _ in range(2):
        with pytest.raises(MigrationError) as caught:
            prisma.migrate(there.layout, there.layout.release("v1"), deploy, dirs, print)
        told.append(caught.value)
    assert [error.detail["migration"] for error in told] == ["20300101000000_broken"] * 2
    assert ["in an earlier run" in error.message for error in told] == [False, True]

    [remedy] = [line for line in told[-1].detail["remedy"] if "DELETE" in line]
    with sqlite3.connect(database) as connection:
        connection.execute(remedy.partition(": ")[2])
    (broken / "migration.sql").write_text('CREATE TABLE "Now" ("x" TEXT);')
    prisma.migrate(there.layout, there.layout.release("v1"), deploy, dirs, print)
    assert applied(database) == [*sorted(wanted), "20300101000000_broken"]
    assert listing(there.layout.tmp) == []


def applied(database: Path) -> list[str]:
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL"
        )
        return sorted(name for (name,) in rows)
