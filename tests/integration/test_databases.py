"""Hurt databases, and migrations that hurt, on SQLite; PostgreSQL is in test_postgres.py."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from tests.support.client import Run
from tests.support.migrating import at_work, before_anything, drop, kill, migration
from tests.support.site import Site, until
from tests.support.told import Told, told

pytestmark = pytest.mark.integration
RENAME = 'ALTER TABLE "Video" RENAME COLUMN "views" TO "seen";\n'
SLOW_SQLITE = """CREATE TABLE "Half" ("n" INTEGER);
INSERT INTO "Half" WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 900000000) SELECT n FROM c;
"""


def early(site: Site, run: Run, code: int, result: str, *words: str) -> Told:
    """Refused in the survey, with these words; the old release serves."""
    block = told(run, code, result)
    assert all(word in block.text for word in words), block.text
    before_anything(run)
    assert "survey" in block.where[0]
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
    kill(at_work(live))
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
