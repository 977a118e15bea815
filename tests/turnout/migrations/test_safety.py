"""Whether older code may run on newer tables."""

import pytest

from turnout.migrations.safety import Migration, judge

MADE = 'CREATE TABLE "Video" ("id" INTEGER NOT NULL PRIMARY KEY, "title" TEXT NOT NULL, "url" TEXT NOT NULL);'
SCHEMA = "model Video {\n id Int @id\n title String\n url String\n}\n"
WITHOUT_URL = "model Video {\n id Int @id\n title String\n}\n"
DROP = 'ALTER TABLE "Video" DROP COLUMN "url";'
REBUILT = """CREATE TABLE "new_Video" ("id" INTEGER NOT NULL PRIMARY KEY, "title" TEXT NOT NULL{more});
INSERT INTO "new_Video" ("id", "title") SELECT "id", "title" FROM "Video";
DROP TABLE "Video";
ALTER TABLE "new_Video" RENAME TO "Video";"""


def broken(sqls: list[str], schema: str = SCHEMA, dialect: str = "sqlite") -> list[str]:
    later = [Migration(f"m{number}", sql) for number, sql in enumerate(sqls)]
    return judge(later, [MADE], schema, dialect).broken


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    "sqls,schema,parts",
    [
        ([DROP], SCHEMA, ["drop column Video.url", "uses Video.url"]),
        (['ALTER TABLE "Video" RENAME COLUMN "url" TO "link";'], SCHEMA, ["rename column Video.url to link"]),
        (['DROP TABLE "Video";'], SCHEMA, ["drop table Video"]),
        (['ALTER TABLE "Video" RENAME TO "Film";'], SCHEMA, ["rename table Video to Film"]),
        ([REBUILT.format(more="")], SCHEMA, ["drop column Video.url"]),
        (
            [REBUILT.format(more=', "url" TEXT, "x" TEXT NOT NULL')],
            SCHEMA,
            ["cannot insert", "does not know x"],
        ),
        (['ALTER TABLE "Video" ADD COLUMN "x" TEXT NOT NULL;'], SCHEMA, ["cannot insert"]),
        ([DROP], "", ["drop column Video.url"]),
        ([DROP], WITHOUT_URL, []),
        ([DROP, 'ALTER TABLE "Video" ADD COLUMN "url" TEXT;'], SCHEMA, []),
        ([REBUILT.format(more=', "url" TEXT')], SCHEMA, []),
        (['ALTER TABLE "Video" ADD COLUMN "views" INTEGER NOT NULL DEFAULT 0;'], SCHEMA, []),
        (['CREATE TABLE "Film" ("id" INTEGER, "x" TEXT NOT NULL);', 'DROP TABLE "Film";'], SCHEMA, []),
        (["this is no SQL (("], SCHEMA, []),
    ],
)
def test_what_breaks_the_older_code(dialect: str, sqls: list[str], schema: str, parts: list[str]) -> None:
    """Only what it uses, only if it is gone in the end, and columns that it would have to fill."""
    found = broken(sqls, schema, dialect)
    assert bool(found) == bool(parts)
    assert all(part in found[0] for part in parts)


def test_a_required_column_that_gets_a_default_later_breaks_nothing() -> None:
    """What counts is the table as it is now."""
    later = [
        'ALTER TABLE "Video" ADD COLUMN "x" TEXT NOT NULL;',
        'ALTER TABLE "Video" ALTER COLUMN "x" SET DEFAULT \'\';',
    ]
    assert broken(later, SCHEMA, "postgres") == []


def test_each_migration_says_what_it_does() -> None:
    """Additions are said to be so; one whose text is gone is not passed over in silence."""
    later = [
        Migration("m1", 'ALTER TABLE "Video" ADD COLUMN "views" INTEGER;'),
        Migration("m2", DROP),
        Migration("m3", None),
    ]
    told = judge(later, [MADE], WITHOUT_URL, "sqlite").migrations

    assert [str(one) for one in told[:2]] == [
        "m1: only adds (add column Video.views)",
        "m2: drop column Video.url",
    ]
    assert "nobody can say" in str(told[2])
    assert [one.only_adds for one in told] == [True, False, False]


def test_a_value_that_left_an_enum_breaks_code_that_uses_it() -> None:
    """In PostgreSQL the value is gone for readers and writers."""
    swapped = """CREATE TYPE "Role_new" AS ENUM ('A');
ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role";
DROP TYPE "Role_old";"""
    made = "CREATE TYPE \"Role\" AS ENUM ('A','B');"
    schema = "model U {\n id Int @id\n role Role\n}\nenum Role {\n A\n B\n}\n"
    found = judge([Migration("m", swapped)], [made], schema, "postgres").broken

    assert found == ["m: drop value Role.B; the older code uses Role.B"]
