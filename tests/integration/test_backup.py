"""Pins, backups of the database and what comes back from them, with the commands of docs/backup.md."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.support.postgres import BIN, PASSWORD, Postgres
from tests.support.site import Site, until

pytestmark = pytest.mark.integration
PAGE = Path(__file__).parents[2] / "docs/backup.md"
PG_BACKUP = "pg_dump --no-owner --no-privileges"
PG_RESTORE = (
    "(echo 'DROP SCHEMA public CASCADE; CREATE SCHEMA public;'; cat)"
    " | psql -X -q -v ON_ERROR_STOP=1 --single-transaction"
)


def sqlite_commands(database: Path) -> tuple[str, str]:
    """Those of docs/backup.md, for this file."""
    whole = """awk '{ print; last = $0 } END { exit last != "COMMIT;" }'"""
    backup = f"sqlite3 -cmd '.timeout 20000' {database} .dump | {whole}"
    made = f"rm -f {database}.new && sqlite3 -bail {database}.new && [ -s {database}.new ]"
    return backup, f"{made} && sqlite3 {database} '.restore {database}.new' && rm {database}.new"


def configure(site: Site, backup: str | None = None, restore: str | None = None, more: str = "") -> None:
    """turnout.toml with these commands; by default SQLite's."""
    usual = sqlite_commands(site.database)
    site.write_toml(more=more)
    file, anchor = site.repo / "turnout.toml", 'branches = ["main"]\n'
    lines = [("database_backup", usual[0] if backup is None else backup)]
    lines += [("database_restore", usual[1] if restore is None else restore)]
    added = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines)
    file.write_text(file.read_text().replace(anchor, anchor + added))


def test_the_commands_here_are_those_of_the_page() -> None:
    """What people copy is what is tested."""
    text = PAGE.read_text()
    for command in (*sqlite_commands(Path("/srv/api/app.db")), PG_BACKUP, PG_RESTORE):
        assert json.dumps(command) in text


@pytest.fixture
def ready(live: Site) -> Site:
    """SQLite's commands are set; two videos are in the database."""
    configure(live)
    sql(live, 'DELETE FROM "Video"', "INSERT INTO Video (title, url) VALUES ('One', 'u'), ('Two', 'u')")
    return live


def sql(site: Site, *statements: str) -> list[tuple[object, ...]]:
    """Run SQL in the app's database; the rows of the last statement."""
    rows: list[tuple[object, ...]] = []
    with sqlite3.connect(site.database, timeout=20) as database:
        for statement in statements:
            rows = database.execute(statement).fetchall()
    return rows


def titles(site: Site) -> list[str]:
    """The videos that are in the database."""
    return [str(title) for (title,) in sql(site, "SELECT title FROM Video ORDER BY id")]


def kept(site: Site) -> list[str]:
    """Names of the files under backups/ that are no links."""
    return sorted(path.name for path in (site.path / "backups").iterdir() if not path.is_symlink())


def entry(site: Site, kind: str) -> dict[str, object]:
    """The newest journal entry of a type."""
    return [one for one in site.journal() if one["type"] == kind][-1]


def test_a_backup_by_hand_is_kept_whole_and_pins_what_runs(ready: Site) -> None:
    """0600, compressed; its digest and sizes are in the journal; releases and status show the pin."""
    run = ready.turnout("backup", "production", "--name", "before-big-change", "--json", check=0)

    file = ready.path / "backups/before-big-change.gz"
    text, said = gzip.decompress(file.read_bytes()), entry(ready, "backup.made")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"INSERT INTO Video VALUES" in text
    assert said["digest"] == hashlib.sha256(text).hexdigest()
    assert (said["size"], said["packed"]) == (len(text), file.stat().st_size)
    assert any("before-big-change" in note for note in run.finished["notes"])
    status = ready.status()
    assert status["releases"][-1]["pinned"]
    assert [one["name"] for one in status["backups"]] == ["before-big-change"]
    assert "pinned" in ready.turnout("releases", check=0).err
    again = ready.turnout("backup", "--name", "before-big-change", check=2)
    assert "there is a backup before-big-change already" in again.err


def test_a_pinned_release_outlives_pruning_until_the_pin_is_removed(ready: Site) -> None:
    """With keep = 1, v1 stays as long as it is pinned."""
    configure(ready, more="[release]\nkeep = 1\n")
    ready.turnout("pin", "production", "v1", "--json", check=0)
    for words in ("Two", "Three"):
        ready.turnout("env", "set", "NOTE", "--json", stdin=words, check=0)
    assert {"v1", "v2", "v3"} == {path.name for path in (ready.path / "releases").iterdir()}

    ready.turnout("pin", "v1", "--remove", "--json", check=0)
    ready.turnout("env", "unset", "NOTE", "--json", check=0)

    assert {"v3", "v4"} == {path.name for path in (ready.path / "releases").iterdir()}
    assert "there is no release v99" in ready.turnout("pin", "v99", check=2).err


def test_it_is_made_before_a_migration_and_only_then(ready: Site) -> None:
    """A deployment without new migrations makes none; one with a new one does, before it runs."""
    ready.greet("No migration")
    assert ready.deploy().step("backup")["status"] == "skipped"

    name = "backend/prisma/migrations/20261201120000_tag/migration.sql"
    ready.commit({name: 'CREATE TABLE "Tag" ("id" INTEGER NOT NULL PRIMARY KEY);\n'}, "A migration")
    run = ready.deploy()

    release = run.finished["release"]
    text = gzip.decompress((ready.path / f"backups/before-{release}.gz").read_bytes())
    assert b"Video" in text
    assert b'"Tag"' not in text
    assert entry(ready, "backup.made")["why"] == "migration"


def test_a_restore_brings_the_rows_back_and_keeps_what_was_there(ready: Site) -> None:
    """While the app serves; and the state before it can be brought back the same way."""
    ready.turnout("backup", "--name", "two-videos", "--json", check=0)
    sql(ready, "INSERT INTO Video (title, url) VALUES ('Three', 'u')")

    run = ready.turnout("restore", "production", "two-videos", "--yes", "--json", check=0)

    assert titles(ready) == ["One", "Two"]
    assert [video["title"] for video in sorted(ready.answer("/videos").body, key=lambda one: one["id"])] == [
        "One",
        "Two",
    ]
    before = str(entry(ready, "backup.made")["name"])
    assert before.startswith("before-restore-")
    assert any(before in note for note in run.finished["notes"])
    ready.turnout("restore", before, "--yes", "--json", check=0)
    assert titles(ready) == ["One", "Two", "Three"]
    assert not ready.database.with_name("videos.db.new").exists()


def test_after_a_restore_the_next_deployment_asks_the_database_for_its_migrations(ready: Site) -> None:
    """A backup from before a migration: the same revision is no longer `unchanged`, and brings the table back."""
    ready.turnout("backup", "--name", "no-likes", "--json", check=0)
    name = "backend/prisma/migrations/20261202120000_like/migration.sql"
    ready.commit({name: 'CREATE TABLE "Like" ("id" INTEGER NOT NULL PRIMARY KEY);\n'}, "Likes")
    ready.deploy()
    run = ready.turnout("restore", "no-likes", "--yes", "--json", check=0)
    assert any("20261202120000_like" in note for note in run.finished["notes"])
    assert not sql(ready, "SELECT name FROM sqlite_master WHERE name = 'Like'")

    ready.deploy()

    assert sql(ready, "SELECT name FROM sqlite_master WHERE name = 'Like'")


def test_nothing_is_overwritten_without_a_yes(ready: Site) -> None:
    """Where nobody can be asked it is refused; what would be lost is said first."""
    ready.turnout("backup", "--name", "asked", "--json", check=0)
    sql(ready, 'DELETE FROM "Video"')

    run = ready.turnout("restore", "asked", check=2)

    assert "will be gone" in run.err
    assert titles(ready) == []


def test_a_hurt_backup_is_found_before_anything_is_overwritten(ready: Site) -> None:
    """One changed byte: 12, and the database stays."""
    ready.turnout("backup", "--name", "hurt", "--json", check=0)
    file = ready.path / "backups/hurt.gz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    sql(ready, "INSERT INTO Video (title, url) VALUES ('Later', 'u')")

    run = ready.turnout("restore", "hurt", "--yes", "--json", check=12)

    assert "hurt" in run.err
    assert titles(ready)[-1] == "Later"


@pytest.mark.parametrize(
    "command, why",
    [("echo half; exit 3", "status 3"), ("echo said >&2", "nothing to its standard output")],
)
def test_a_backup_that_fails_leaves_nothing_and_nothing_is_migrated(
    ready: Site, command: str, why: str
) -> None:
    """23 before the migration; no file, no temp file, no journal entry."""
    before, made = kept(ready), entry(ready, "backup.made")
    configure(ready, backup=command)
    folder = f"backend/prisma/migrations/20261203120000_{'a' if 'half' in command else 'b'}"
    ready.commit({f"{folder}/migration.sql": "SELECT 1;\n"}, "A migration")

    run = ready.deploy(check=23)

    assert why in run.err
    assert run.step("migrate") == {}
    assert (kept(ready), entry(ready, "backup.made")) == (before, made)
    assert list((ready.path / ".turnout/tmp").iterdir()) == []


def test_a_backup_whose_deployer_dies_is_never_half_there(ready: Site) -> None:
    """The command is ended, the temp file is swept, and the next backup works at once."""
    fifo = ready.root / "fifo"
    os.mkfifo(fifo)
    configure(ready, backup=f"echo half; cat {fifo}; echo whole")
    before = kept(ready)
    with ready.start("backup", "--name", "cut", "--json") as process, fifo.open("w"):
        process.kill()  # cat has opened the other end, so the backup is under way
        until(lambda: ready.status()["lease"] is None)
    configure(ready)

    assert kept(ready) == before
    ready.turnout("backup", "--name", "cut", "--json", check=0)
    assert list((ready.path / ".turnout/tmp").iterdir()) == []


def test_a_restore_that_fails_says_how_to_get_back(ready: Site) -> None:
    """The block names the backup of the state before."""
    ready.turnout("backup", "--name", "fine", "--json", check=0)
    configure(ready, restore="head -c 10 > /dev/null; echo no such table; exit 7")

    run = ready.turnout("restore", "fine", "--yes", "--json", check=1)

    assert "status 7" in run.err
    assert "turnout restore production before-restore-" in run.err
    assert entry(ready, "restore.failed")["name"] == "fine"


def test_old_backups_go_by_count_but_not_the_dear_ones(ready: Site) -> None:
    """With keep = 1 unnamed ones beyond the newest go; named ones of a pinned release stay."""
    named = [name for name in kept(ready) if name == "before-big-change.gz"]
    configure(ready, more="[backup]\nkeep = 1\n")
    for _ in range(2):
        ready.turnout("backup", "--json", check=0)

    unnamed = [name for name in kept(ready) if name.startswith("db-")]
    assert len(unnamed) == 1
    assert not [name for name in kept(ready) if name == "before-big-change.gz"] or named
    listed = ready.turnout("backup", "--list", "--json", check=0).json["hosts"][0]["backups"]
    assert {f"{one['name']}.gz" for one in listed} == set(kept(ready))


@pytest.mark.skipif(not BIN, reason="needs PostgreSQL: apt-get install postgresql")
def test_postgresql_goes_round(ready: Site) -> None:
    """pg_dump and psql find their way by the dotenv's PG… keys; the password is in no output, journal or file."""
    postgres = Postgres()
    try:
        lines = "".join(f"{key}={value}\n" for key, value in postgres.env.items())
        ready.turnout("env", "set", "--json", stdin=lines, check=0)
        configure(ready, backup=PG_BACKUP, restore=PG_RESTORE)
        postgres.sql("CREATE TABLE song (title text); INSERT INTO song VALUES ('One'), ('Two')")
        first = ready.turnout("backup", "--name", "songs", "--json", check=0)
        postgres.sql("DELETE FROM song; CREATE TABLE later (id int)")

        second = ready.turnout("restore", "songs", "--yes", "--json", check=0)

        assert postgres.sql("SELECT title FROM song ORDER BY 1") == "One\nTwo"
        assert postgres.sql("SELECT to_regclass('later') IS NULL") == "t"
        before = str(entry(ready, "backup.made")["name"])
        ready.turnout("restore", before, "--yes", "--json", check=0)
        assert postgres.sql("SELECT count(*) FROM song") == "0"
        assert postgres.sql("SELECT to_regclass('later') IS NULL") == "f"
        for text in (first.out, second.out, second.err, ready.layout.journal.read_text()):
            assert PASSWORD not in text
    finally:
        postgres.stop()
