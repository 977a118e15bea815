"""The class of a pending migration, for the release that runs while it is applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout.migrations.classes import Classed, classify
from turnout.migrations.pending import Migration, before, known

MADE = 'CREATE TABLE "Video" ("id" INTEGER NOT NULL PRIMARY KEY, "title" TEXT NOT NULL, "views" INTEGER, "old" TEXT);'
SCHEMA = "model Video {\n id Int @id\n title String\n views Int?\n}\n"
ALTER = 'ALTER TABLE "Video" '
AGAIN = """CREATE TABLE "new_Video" ("id" INTEGER NOT NULL PRIMARY KEY, "title" TEXT NOT NULL, "views" {}, "old" TEXT);
INSERT INTO "new_Video" ("id", "title", "views", "old") SELECT "id", "title", "views", "old" FROM "Video";
DROP TABLE "Video"; ALTER TABLE "new_Video" RENAME TO "Video";"""


def classed(sql: str, dialect: str = "postgres", code: str | None = "v3", schema: str = SCHEMA) -> Classed:
    (one,) = classify([Migration("m", sql, ())], [MADE], schema, dialect, code)
    return one


@pytest.mark.parametrize(
    "sql,kind,word",
    [
        (f'{ALTER}ADD COLUMN "x" INT;', "adds", "Video.x"),
        (f'{ALTER}ADD COLUMN "x" INT NOT NULL DEFAULT 0;', "adds", "Video.x"),
        ('CREATE TABLE "T" (id int); CREATE UNIQUE INDEX "t" ON "T"(id);', "adds", "create table T"),
        ('CREATE INDEX CONCURRENTLY "i" ON "Video"("title");', "adds", "create index"),
        ('CREATE INDEX "i" ON "Video"("title");', "locks", "writes to Video wait"),
        ('UPDATE "Video" SET "views" = 1;', "locks", "the rows of Video"),
        (f'{ALTER}ADD CONSTRAINT "c" CHECK ("views" > 0);', "locks", "its rows are checked"),
        (f'{ALTER}DROP COLUMN "views";', "breaks", "v3 uses Video.views"),
        (f'{ALTER}RENAME COLUMN "views" TO "seen";', "breaks", "v3 uses Video.views"),
        (f'{ALTER}RENAME TO "Film";', "breaks", "v3 uses Video"),
        ('DROP TABLE "Video";', "breaks", "v3 uses Video"),
        (f'{ALTER}ALTER COLUMN "views" SET DATA TYPE TEXT;', "breaks", "v3 uses Video.views as it was"),
        (f'{ALTER}ALTER COLUMN "views" SET NOT NULL;', "breaks", "v3 uses Video.views as it was"),
        (f'{ALTER}ADD COLUMN "x" INT NOT NULL;', "breaks", "v3 cannot insert into Video"),
        ("DROP VIEW best;", "breaks", "v3 may use it"),
        ("DROP VIEW best; CREATE VIEW best AS SELECT 1;", "adds", "create view"),
        (f'{ALTER}DROP COLUMN "old";', "clears", "drop column Video.old"),
        ("DO $$ BEGIN END $$;", "unread", "do"),
        ('TRUNCATE TABLE "Video";', "unread", "TRUNCATE"),
    ],
)
def test_the_class_of_one(sql: str, kind: str, word: str) -> None:
    """What is told is the class that counts most, with the reason for it."""
    one = classed(sql)
    assert one.kind == kind, one
    assert word in str(one)


def test_sqlites_rebuilt_table_is_the_difference_of_its_columns() -> None:
    """The same columns anew only lock; another type breaks."""
    assert classed(AGAIN.format("INTEGER"), "sqlite").kind == "locks"
    assert classed(AGAIN.format("TEXT"), "sqlite").kind == "breaks"
    assert classed(AGAIN.format("INTEGER NOT NULL"), "sqlite").kind == "breaks"


def test_where_nothing_runs_nothing_can_break() -> None:
    """A first deployment."""
    assert classed('DROP TABLE "Video";', code=None).kind == "clears"


def test_without_a_schema_all_that_was_made_is_in_use() -> None:
    """An adopted release may have none."""
    assert classed(f'{ALTER}DROP COLUMN "old";', schema="").kind == "breaks"


@pytest.mark.parametrize(
    "comment,found",
    [
        ("-- turnout: contract", True),
        ("  --turnout:contract, agreed with Ann", True),
        ("-- Turnout: Contract", True),
        ("SELECT 1; -- turnout: contract", False),
        ("-- turnout: contraction", False),
        ("", False),
    ],
)
def test_the_comment_stands_on_a_line_of_its_own(comment: str, found: bool) -> None:
    """So that no text that happens to hold it counts."""
    assert classed(f'{comment}\n{ALTER}DROP COLUMN "views";').contract is found


def test_a_name_that_comes_back_later_is_not_gone() -> None:
    """Two migrations of one deployment, looked at together."""
    both = [
        Migration("m1", f'{ALTER}DROP COLUMN "views";', ()),
        Migration("m2", f'{ALTER}ADD COLUMN "views" INT;', ()),
    ]
    assert [one.kind for one in classify(both, [MADE], SCHEMA, "postgres", "v3")] == ["clears", "adds"]


def test_what_is_known_and_what_came_before(tmp_path: Path) -> None:
    """The journal proves only for the dotenv, and so the database, that it was proved for."""
    record = {"migrated": "finished", "dotenv": {"base_digest": "d"}, "migrations": {"m1": "1"}}
    assert known(record, "d") == {"m1": "1"}
    assert known(record, "other") is None
    assert known({**record, "migrated": "started"}, "d") is None
    assert known({}, None) is None
    for name in ("m1", "m2"):
        (tmp_path / "prisma/migrations" / name).mkdir(parents=True)
        (tmp_path / "prisma/migrations" / name / "migration.sql").write_text(name)
    assert before(tmp_path, "m2") == ["m1"]
