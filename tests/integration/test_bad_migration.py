"""A migration that fails, and a release that fails after one: what is in the database is always said."""

from __future__ import annotations

import sqlite3

import pytest

from tests.support.left import nothing_left
from tests.support.site import Site
from tests.support.told import told

pytestmark = pytest.mark.integration
NAME = "20261101120000_tag_videos"
FOLDER = f"backend/prisma/migrations/{NAME}"
MADE = 'CREATE TABLE "Tag" ("id" INTEGER NOT NULL PRIMARY KEY);\n'
BROKEN = MADE + 'INSERT INTO "Nowhere" ("id") VALUES (1);\n'


def tables(site: Site) -> set[str]:
    """The tables of the app's database."""
    with sqlite3.connect(site.database) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_broken_migration_is_named_until_a_hand_mends_it_as_it_is_told(live: Site) -> None:
    """40 with its name; the same again says that it failed earlier; the remedy, typed as it stands, leads out."""
    live.commit({f"{FOLDER}/migration.sql": BROKEN}, "A broken migration")
    for earlier in (False, True):
        run = live.deploy(check=40)

        block = told(run, 40)
        assert NAME in block.what[0]
        assert ("earlier" in block.what[0]) == earlier
        assert "v1" in block.now[0]
        assert live.serving() == {"v1"}
        assert live.answer("/videos").status == 200
        assert live.current() == "v1"
        nothing_left(live, run)
    assert NAME in block.do[0]
    statement = next(line for line in block.do if "DELETE FROM" in line).partition("client: ")[2]
    with sqlite3.connect(live.database) as database:
        database.execute('DROP TABLE IF EXISTS "Tag"')
        database.execute(statement)
    live.commit({f"{FOLDER}/migration.sql": MADE}, "The migration, mended")

    end = live.deploy().finished

    assert end["result"] == "succeeded"
    assert any(NAME in note for note in end["notes"])
    assert live.serving() == {end["release"]}
    assert "Tag" in tables(live)


def test_a_release_that_fails_after_its_migration_says_what_stays_in(live: Site) -> None:
    """Migrations are never taken back: who reads why it was refused also reads what is new in the database."""
    before, other = live.serving(), "20261102120000_rate_videos"
    sql = 'CREATE TABLE "Rating" ("id" INTEGER NOT NULL PRIMARY KEY);\n'
    live.commit({f"backend/prisma/migrations/{other}/migration.sql": sql}, "One more migration")
    log = "const log = createLogger(env.logLevel);"
    crash = f"{log}\n  if (env.port) throw new Error('no camera');"
    live.change("src/server-local.ts", log, crash, "A crash")

    run = live.deploy(check=50)

    block = told(run, 50)
    assert other in block.text
    assert any(other in note for note in run.finished["notes"])
    assert live.serving() == before
    assert "Rating" in tables(live)
    nothing_left(live, run)


def test_those_before_a_broken_one_are_named_too(live: Site) -> None:
    """Two are new and the second is broken: the first is in the database and stays there."""
    first, second = "20261103120000_list_videos", "20261104120000_share_videos"
    sql = {first: MADE.replace("Tag", "List"), second: BROKEN.replace("Tag", "Share")}
    files = {f"backend/prisma/migrations/{name}/migration.sql": text for name, text in sql.items()}
    live.commit(files, "Two more migrations")
    before = live.serving()

    run = live.deploy(check=40)

    block = told(run, 40)
    assert f"migration {second} failed; {first} before it went in" in block.what[0]
    assert f"the migrations stay in: {first}" in block.now[0]
    assert any(first in note for note in run.finished["notes"])
    assert live.serving() == before
    assert "List" in tables(live)
    nothing_left(live, run)
