"""Hurt databases, and migrations that hurt: SQLite by Prisma itself, a real PostgreSQL by a stand-in for it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import Run
from tests.support.postgres import BIN, PASSWORD, Postgres
from tests.support.site import Site, strays, until
from tests.support.told import Told, told

pytestmark = pytest.mark.integration
STANDIN = Path(__file__).parents[1] / "support/prisma_standin.py"
LATER = {"upload", "stage", "dotenv", "install", "backup", "migrate", "rehearse", "activate"}
RENAME = 'ALTER TABLE "Video" RENAME COLUMN "views" TO "seen";\n'
SLOW_SQLITE = """CREATE TABLE "Half" ("n" INTEGER);
INSERT INTO "Half" WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 900000000) SELECT n FROM c;
"""


def migration(site: Site, name: str, sql: str) -> str:
    """Commit a migration; gives its path in the repository."""
    file = f"backend/prisma/migrations/{name}/migration.sql"
    site.commit({file: sql}, name)
    return file


def drop(site: Site, name: str) -> None:
    """Take a migration out of the repository again."""
    shutil.rmtree(site.repo / f"backend/prisma/migrations/{name}")
    site.commit({}, f"Without {name}")


def before_anything(run: Run) -> None:
    """Nothing was sent or begun on the host but looks."""
    begun = {event["step"] for event in run.events if event["type"] == "step.started"}
    assert not begun & LATER, begun


def early(site: Site, run: Run, code: int, result: str, *words: str) -> Told:
    """Refused in the survey, with these words; the old release serves."""
    block = told(run, code, result)
    assert all(word in block.text for word in words), block.text
    before_anything(run)
    assert "survey" in block.where[0]
    assert PASSWORD not in run.out + run.err
    assert site.serving() == {site.current()}
    return block


def test_a_migration_that_breaks_what_runs_is_refused_before_anything_is_sent(live: Site) -> None:
    """10 with what breaks and the ways out; the flag lets it pass, and the journal keeps who said so."""
    name = "20270101000000_rename_views"
    migration(live, name, RENAME)
    live.change(
        "prisma/schema.prisma",
        "views     Int      @default(0)",
        'views     Int      @default(0) @map("seen")',
        "Map it",
    )
    before = live.current()

    block = early(live, live.deploy(check=10), 10, "refused", name, "v1 uses Video.views")

    assert any("--allow-breaking" in line for line in block.do)
    assert any("-- turnout: contract" in line for line in block.do)
    assert live.current() == before
    run = live.deploy("--allow-breaking")
    (begun,) = [one for one in live.journal() if one["type"] == "migration.started" and "because" in one]
    assert begun["because"]["allowed"] == "--allow-breaking"
    assert begun["because"]["by"]
    assert "rename column Video.views to seen" in begun["because"]["over"][0]
    assert any("Video.views" in note for note in run.finished["notes"])


def test_a_comment_in_the_file_lets_it_pass_too(live: Site) -> None:
    """`-- turnout: contract`; what only adds needs nothing, and each is told with its class."""
    migration(live, "20270102000000_add", 'ALTER TABLE "Video" ADD COLUMN "likes" INTEGER;\n')
    migration(
        live,
        "20270103000000_need",
        '-- turnout: contract\nALTER TABLE "Video" RENAME COLUMN "seen" TO "views";\n',
    )
    live.change("prisma/schema.prisma", ' @map("seen")', "", "As before")

    run = live.deploy()

    (event,) = [event for event in run.events if event["type"] == "migrations.pending"]
    assert event["asked"] is True
    assert [(one["class"], one["contract"]) for one in event["migrations"]] == [
        ("adds", False),
        ("breaks", True),
    ]
    begun = [one for one in live.journal() if one["type"] == "migration.started"][-1]
    assert begun["because"]["allowed"] == "-- turnout: contract"


def test_a_migration_that_is_killed_is_not_run_again_blindly(live: Site) -> None:
    """Killed in the middle of it: 40, the old release serves; the next deploy stops at Prisma's open row."""
    name = "20270104000000_slow"
    migration(live, name, SLOW_SQLITE)
    running = live.start("deploy", "--json")
    until(lambda: name in open_rows(live), 100)
    kill(live, "migrate")
    out, _ = running.communicate(timeout=100)
    assert running.returncode == 40, out

    block = early(live, live.deploy(check=40), 40, "failed", name, "P3009", "DELETE FROM _prisma_migrations")

    statement = next(line for line in block.do if "DELETE FROM" in line).partition("client: ")[2]
    with sqlite3.connect(live.database) as database:
        database.execute('DROP TABLE IF EXISTS "Half"')
        database.execute(statement)
    drop(live, name)
    assert live.deploy().finished["result"] in {"succeeded", "unchanged", "skipped"}


def test_a_file_that_is_no_database_is_found_beforehand(live: Site) -> None:
    """A wrong path in the dotenv: 40 before anything is sent, and DATABASE_URL is named."""
    wrong = live.database.with_name("wrong.db")
    wrong.write_text("This is a text, and it is long enough to be read as the head of a database file. " * 20)
    live.write_dotenv(DATABASE_URL=f"file:{wrong}")
    try:
        early(live, live.deploy(check=40), 40, "failed", "is not a database", "DATABASE_URL")
    finally:
        live.write_dotenv()


def open_rows(site: Site) -> list[str]:
    """Migrations that Prisma's table has as begun and not ended."""
    with (
        contextlib.suppress(sqlite3.OperationalError),
        contextlib.closing(sqlite3.connect(site.database)) as database,
    ):
        rows = database.execute("SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL")
        return [name for (name,) in rows.fetchall()]
    return []


def kill(site: Site, word: str) -> None:
    """End every process below the app whose arguments have this word."""
    for pid in strays(site.path):
        with contextlib.suppress(OSError):
            if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


# PostgreSQL


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One for the module."""
    made = Postgres()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def moved(live: Site, server: Postgres) -> Site:
    """The app keeps its SQLite file under another key; its migrations are for PostgreSQL, and by the stand-in."""
    for file in (live.repo / "backend/prisma/migrations").glob("2*"):
        shutil.rmtree(file)
    live.change(
        "src/config/env.ts", "databaseUrl: source.DATABASE_URL!", "databaseUrl: source.SQLITE_URL!", "Move"
    )
    lock = {"backend/prisma/migrations/migration_lock.toml": 'provider = "postgresql"\n'}
    live.commit(lock, "PostgreSQL")
    migration(
        live, "1_video", 'CREATE TABLE "Video" ("id" SERIAL PRIMARY KEY, "title" TEXT, "views" INTEGER);\n'
    )
    into(live, server)
    commands(live)
    live.deploy()
    return live


def into(site: Site, server: Postgres, user: str = "owner", password: str = PASSWORD, port: int = 0) -> None:
    """The dotenv leads to this server."""
    url = f"postgresql://{user}:{password}@127.0.0.1:{port or server.port}/postgres"
    site.write_dotenv(DATABASE_URL=url, SQLITE_URL=f"file:{site.database}")


def commands(site: Site, *words: str) -> None:
    """[migrate] runs the stand-in."""
    command = " ".join(["python3", str(STANDIN), str(BIN / "psql" if BIN else ""), *words])
    site.write_toml(more=f"[migrate]\ncommands = [{json.dumps(command)}]\n")


ASLEEP = """SELECT count(*) FROM pg_stat_activity
WHERE query LIKE '%pg_sleep(300)%' AND pid <> pg_backend_pid()"""
needs_server = pytest.mark.skipif(not BIN, reason="needs PostgreSQL: apt-get install postgresql")


@needs_server
def test_a_lock_that_was_left_is_named_with_its_session(moved: Site, server: Postgres) -> None:
    """P1002 before it comes: who holds it and the statement that ends it, which works as it is told."""
    migration(moved, "2_likes", 'ALTER TABLE "Video" ADD COLUMN "likes" INTEGER;\n')
    words = [str(BIN / "psql" if BIN else ""), "-Xqc", "SELECT pg_advisory_lock(72707369), pg_sleep(600)"]
    left = subprocess.Popen(words, env={**os.environ, **server.env, "PGAPPNAME": "left-behind"})
    try:
        until(lambda: server.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "1")

        block = early(moved, moved.deploy(check=40), 40, "failed", "P1002", "left-behind", "of owner")

        statement = next(line for line in block.do if "terminate" in line).partition("PostgreSQL: ")[2]
        server.sql(statement)
        left.wait(20)
    finally:
        left.kill()
        left.wait()
    assert moved.deploy().finished["result"] == "succeeded"
    assert "likes" in columns(server)


@needs_server
@pytest.mark.parametrize("words,half", [((), False), (("statements",), True)])
def test_failed_half_way(moved: Site, server: Postgres, words: tuple[str, ...], half: bool) -> None:
    """With a transaction nothing of it is in, without one half of it; either way the next deploy stops and says so."""
    name = f"3_half_{int(half)}"
    migration(
        moved, name, f'ALTER TABLE "Video" ADD COLUMN "half_{int(half)}" INTEGER;\nSELECT no_such_thing;\n'
    )
    commands(moved, *words)
    try:
        first = told(moved.deploy(check=40), 40)
        assert name in first.what[0]
        assert (f"half_{int(half)}" in columns(server)) is half

        early(moved, moved.deploy(check=40), 40, "failed", name, "P3009", "it failed")
    finally:
        server.sql("DELETE FROM _prisma_migrations WHERE finished_at IS NULL")
        drop(moved, name)
        commands(moved)


@needs_server
def test_a_killed_migration_of_postgresql(moved: Site, server: Postgres) -> None:
    """The stand-in is killed while the server works: the next deploy names the migration that has no end."""
    migration(moved, "4_sleep", "SELECT pg_sleep(300);\n")
    running = moved.start("deploy", "--json")
    until(lambda: server.sql(ASLEEP) != "0", 100)
    kill(moved, "prisma_standin")
    kill(moved, "psql")
    out, _ = running.communicate(timeout=100)
    assert running.returncode == 40, out
    try:
        early(moved, moved.deploy(check=40), 40, "failed", "4_sleep", "P3009")
    finally:
        server.sql("DELETE FROM _prisma_migrations WHERE finished_at IS NULL")
        drop(moved, "4_sleep")


@needs_server
def test_read_only_wrong_password_and_nobody_there(moved: Site, server: Postgres) -> None:
    """Each is found beforehand, and none changes what serves."""
    migration(moved, "5_more", 'ALTER TABLE "Video" ADD COLUMN "more" INTEGER;\n')
    server.sql("ALTER DATABASE postgres SET default_transaction_read_only = on")
    early(moved, moved.deploy(check=40), 40, "failed", "takes no writes")
    server.sql("SET TRANSACTION READ WRITE; ALTER DATABASE postgres RESET default_transaction_read_only")
    into(moved, server, password="not-the-one")
    early(moved, moved.deploy(check=40), 40, "failed", "refused the login", "DATABASE_URL")
    into(moved, server, port=1)
    early(moved, moved.deploy(check=40), 40, "failed", "cannot be reached", "127.0.0.1:1")
    into(moved, server)

    assert moved.deploy().finished["result"] == "succeeded"
    assert "more" in columns(server)


@needs_server
def test_a_way_back_over_what_was_dropped_is_refused(moved: Site, server: Postgres) -> None:
    """The journal has what each release brought in, also where the release failed later."""
    migration(moved, "6_drop", '-- turnout: contract\nALTER TABLE "Video" DROP COLUMN "views";\n')
    moved.deploy()

    block = told(moved.rollback(check=10), 10, "refused")

    assert "6_drop" in block.text
    brought = [one["applied"] for one in moved.journal() if one["type"] == "migration.finished"]
    assert ["6_drop"] in brought


def columns(server: Postgres) -> list[str]:
    """The columns of Video."""
    return server.sql("SELECT column_name FROM information_schema.columns WHERE table_name = 'Video'").split()
