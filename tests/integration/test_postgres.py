"""PostgreSQL and Prisma as they are: migrations that fail, are killed, wait in vain, or find nobody there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.client import Run
from tests.support.left import nothing_left, ours
from tests.support.migrating import at_work, before_anything, drop, kill, migration
from tests.support.postgres import BIN, PASSWORD, Postgres
from tests.support.postgres_sample import HELD, WAITS, lead, onto_postgres, session, waiting
from tests.support.site import Site, until
from tests.support.told import Told, told

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not BIN, reason="needs PostgreSQL: apt-get install postgresql"),
]
PRISMA_LOCK = 72707369
HALF = 'ALTER TABLE "Video" ADD COLUMN "half" INTEGER;\nSELECT no_such_thing;\n'
ROW = """INSERT INTO "Video" ("title", "url") VALUES ('{}', 'https://example.com/once');\n"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One for the module."""
    made = Postgres()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def moved(server: Postgres) -> Iterator[Site]:
    """A VPS where v1 of the sample serves from PostgreSQL, migrated by Prisma."""
    made = Site()
    try:
        onto_postgres(made, server)
        made.deploy()
        yield made
    finally:
        made.close()


def early(site: Site, *words: str) -> Told:
    """Deploy: refused in the survey with 40 and these words; the old release serves."""
    before = site.processes()

    run = site.deploy(check=40)

    block = told(run, 40)
    assert all(word in block.text for word in words), block.text
    before_anything(run)
    assert PASSWORD not in run.out + run.err
    assert [one.pid for one in site.processes()] == [one.pid for one in before]
    return block


def resolve(server: Postgres, block: Told) -> None:
    """Type what the block says clears Prisma's open row."""
    server.sql(next(line for line in block.do if "DELETE FROM" in line).partition("client: ")[2])


def applied(server: Postgres, name: str) -> str:
    """How often it was begun and how often it ended well, by Prisma's own table."""
    return server.sql(
        f"SELECT count(*), count(finished_at) FROM _prisma_migrations WHERE migration_name = '{name}'"
    )


def columns(server: Postgres) -> list[str]:
    """The columns of Video."""
    return server.sql("SELECT column_name FROM information_schema.columns WHERE table_name = 'Video'").split()


def ended(running: subprocess.Popen[str]) -> Run:
    """How a command that was started ended."""
    out, err = running.communicate(timeout=100)
    return Run(("deploy", "--json"), running.returncode, out, err)


def test_the_sample_serves_from_postgresql(moved: Site, server: Postgres) -> None:
    """Its rows come out of the server, Prisma made the tables, and a new migration is applied once."""
    server.sql(ROW.format("First"))
    migration(moved, "20270101000000_likes", 'ALTER TABLE "Video" ADD COLUMN "likes" INTEGER;\n')

    run = moved.deploy()

    assert run.finished["result"] == "succeeded"
    assert moved.serving() == {run.finished["release"]}
    assert [video["title"] for video in moved.answer("/videos").body] == ["First"]
    assert "likes" in columns(server)
    assert applied(server, "20270101000000_likes") == "1|1"
    assert any("20270101000000_likes" in note for note in run.finished["notes"])
    nothing_left(moved, run)


@pytest.mark.parametrize("transaction", [True, False])
def test_failed_half_way(moved: Site, server: Postgres, transaction: bool) -> None:
    """In a transaction nothing of it is in, else one half; the next deploy stops and says what clears it."""
    name, before = f"20270102000000_half_{transaction}", moved.serving()
    migration(moved, name, f"BEGIN;\n{HALF}COMMIT;\n" if transaction else HALF)

    first = told(moved.deploy(check=40), 40)

    assert name in first.what[0]
    assert "no_such_thing" in first.text
    assert ("half" in columns(server)) is not transaction
    assert moved.serving() == before
    block = early(moved, name, "P3009", "no_such_thing")
    assert applied(server, name) == "1|0"
    server.sql('ALTER TABLE "Video" DROP COLUMN IF EXISTS "half"')
    resolve(server, block)
    drop(moved, name)


def test_a_killed_prisma_leaves_a_session_that_is_named(moved: Site, server: Postgres) -> None:
    """Its statement goes on in the server with Prisma's lock: P1002 names the session; once that is ended, P3009."""
    name, before = "20270103000000_killed", moved.serving()
    migration(moved, name, WAITS + ROW.format("Killed"))
    with session(server, HELD, "holder"):
        running = moved.start("deploy", "--json")
        until(lambda: waiting(server), 100)
        kill(at_work(moved))
        told(ended(running), 40)
        assert moved.serving() == before

        block = early(moved, "P1002", "of owner", "connected since", WAITS.strip(";\n"))

        server.sql(next(line for line in block.do if "terminate" in line).partition("PostgreSQL: ")[2])
        block = early(moved, name, "P3009")
    assert "Killed" not in server.sql('SELECT title FROM "Video"')
    resolve(server, block)
    assert moved.deploy().finished["result"] == "succeeded"
    assert applied(server, name) == "1|1"
    assert server.sql("""SELECT count(*) FROM "Video" WHERE title = 'Killed'""") == "1"


@pytest.mark.parametrize("who", ["deployer", "host program"])
def test_nothing_runs_twice_when_who_watches_is_killed(moved: Site, server: Postgres, who: str) -> None:
    """The migration goes on, the next deploy waits for it instead of beginning another, and finds it applied."""
    name = f"20270104000000_{who.replace(' ', '_')}"
    migration(moved, name, WAITS + ROW.format(who))
    with session(server, HELD, "holder"):
        running = moved.start("deploy", "--json")
        until(lambda: waiting(server), 100)
        kill([running.pid] if who == "deployer" else ours(moved))
        ended(running)
        again = moved.start("deploy", "--json")
        assert again.stdout
        lines = [next(line for line in again.stdout if "waiting for" in line)]
        assert waiting(server), lines
    out, err = again.communicate(timeout=100)

    last = json.loads(out.splitlines()[-1])
    assert (again.returncode, last["result"]) == (0, "succeeded"), (out, err)
    assert applied(server, name) == "1|1"
    assert server.sql(f"""SELECT count(*) FROM "Video" WHERE title = '{who}'""") == "1"
    assert moved.serving() == {last["release"]}
    nothing_left(moved)


def test_a_lock_that_is_taken_at_the_last_moment(moved: Site, server: Postgres) -> None:
    """Prisma itself waits for it in vain: P1002 names who holds it; the statement that is told leads out."""
    name, gate = "20270105000000_late", moved.root / "gate"
    os.mkfifo(gate)
    commands = [f"cat {gate}", "npx --no-install prisma migrate deploy"]
    moved.write_toml(more=f"[migrate]\ncommands = {json.dumps(commands)}\n")
    migration(moved, name, 'ALTER TABLE "Video" ADD COLUMN "late" INTEGER;\n')
    running = moved.start("deploy", "--json")
    pipe = gate.open("w")  # as soon as the first command reads from it: the survey is long over
    with session(server, PRISMA_LOCK, "left-behind"):
        pipe.close()
        block = told(ended(running), 40)

        assert "P1002" in block.text
        assert "of owner (left-behind)" in block.what[0]
        server.sql(next(line for line in block.do if "terminate" in line).partition("PostgreSQL: ")[2])
    moved.write_toml()
    assert moved.deploy().finished["result"] == "succeeded"
    assert "late" in columns(server)


def test_a_server_that_goes_down_in_the_middle(moved: Site, server: Postgres) -> None:
    """40; while it is down a deploy says so; once it is up again P3009, and nothing was run twice."""
    name, before = "20270106000000_down", moved.serving()
    migration(moved, name, WAITS + ROW.format("Down"))
    with session(server, HELD, "holder"):
        running = moved.start("deploy", "--json")
        until(lambda: waiting(server), 100)
        server.down()
        try:
            what = told(ended(running), 40).what[0]  # Prisma says one of these
            assert re.search(f"{name}|the database server (cannot be reached|went away)", what)
            early(moved, "cannot be reached", f"127.0.0.1:{server.port}", "DATABASE_URL")
        finally:
            server.up()
    block = early(moved, name, "P3009")
    assert moved.serving() == before
    assert applied(server, name) == "1|0"
    resolve(server, block)
    assert moved.deploy().finished["result"] == "succeeded"
    assert server.sql("""SELECT count(*) FROM "Video" WHERE title = 'Down'""") == "1"


def test_read_only_and_a_wrong_password(moved: Site, server: Postgres) -> None:
    """Each is found beforehand, and none changes what serves."""
    migration(moved, "20270107000000_more", 'ALTER TABLE "Video" ADD COLUMN "more" INTEGER;\n')
    server.sql("ALTER DATABASE postgres SET default_transaction_read_only = on")
    try:
        early(moved, "takes no writes")
    finally:
        server.sql("SET TRANSACTION READ WRITE; ALTER DATABASE postgres RESET default_transaction_read_only")
    lead(moved, server, "not-the-one")
    try:
        early(moved, "refused the login", "DATABASE_URL")
    finally:
        lead(moved, server)

    assert moved.deploy().finished["result"] == "succeeded"
    assert "more" in columns(server)


def test_a_way_back_over_what_was_dropped_is_refused(moved: Site, server: Postgres) -> None:
    """The journal has what each release brought in, also where the release failed later."""
    name = "20270108000000_drop"
    migration(moved, name, '-- turnout: contract\nALTER TABLE "Video" DROP COLUMN "url";\n')
    moved.deploy()

    block = told(moved.rollback(check=10), 10, "refused")

    assert name in block.text
    assert "url" not in columns(server)
    assert [name] in [one["applied"] for one in moved.journal() if one["type"] == "migration.finished"]
