"""What a migration's SQL is said to do."""

import pytest

from turnout.migrations.effects import effects

VIDEO = 'CREATE TABLE "Video" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "title" TEXT, "url" TEXT NOT NULL);'
ROLE = "CREATE TYPE \"Role\" AS ENUM ('A','B');"
REBUILT = """-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_Video" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "title" TEXT{more});
INSERT INTO "new_Video" ("id", "title") SELECT "id", "title" FROM "Video";
DROP TABLE "Video";
ALTER TABLE "new_Video" RENAME TO "Video";
PRAGMA foreign_keys=ON;
"""


def told(sql: str, dialect: str, *earlier: str) -> list[str]:
    """Each effect in one line, with its marks."""
    lines = []
    for one in effects(sql, dialect, earlier):
        marks = "".join(
            sign
            for sign, there in (("+", one.adds), ("-", one.removes), ("!", one.tightens), ("?", one.requires))
            if there
        )
        lines.append(f"{one} {marks}".strip())
    return lines


@pytest.mark.parametrize(
    "dialect,sql,expected",
    [
        ("sqlite", VIDEO, ["create table Video +"]),
        (
            "sqlite",
            'ALTER TABLE "Video" ADD COLUMN "views" INTEGER NOT NULL DEFAULT 0;',
            ["add column Video.views +"],
        ),
        ("sqlite", 'ALTER TABLE "Video" DROP COLUMN "url";', ["drop column Video.url -"]),
        (
            "sqlite",
            'ALTER TABLE "Video" RENAME COLUMN "url" TO "link";',
            ["rename column Video.url to link -"],
        ),
        ("sqlite", 'DROP TABLE "Video";', ["drop table Video -"]),
        ("sqlite", 'ALTER TABLE "Video" RENAME TO "Film";', ["rename table Video to Film -"]),
        ("sqlite", 'UPDATE "Video" SET "url" = 1;', ["change rows Video"]),
        ("sqlite", "PRAGMA foreign_keys=OFF;", []),
        ("postgres", 'ALTER TABLE "U" ADD COLUMN "x" TEXT NOT NULL;', ["add column U.x +?"]),
        ("postgres", 'ALTER TABLE "U" ADD COLUMN "x" SERIAL NOT NULL;', ["add column U.x +"]),
        (
            "postgres",
            'ALTER TABLE "U" DROP COLUMN "a", ADD COLUMN "b" TEXT;',
            ["drop column U.a -", "add column U.b +"],
        ),
        ("postgres", "ALTER TABLE Users DROP COLUMN Email;", ["drop column users.email -"]),
        ("postgres", 'ALTER TABLE "U" ALTER COLUMN "a" SET NOT NULL;', ["change column U.a !"]),
        ("postgres", 'ALTER TABLE "U" ALTER COLUMN "a" DROP NOT NULL;', ["change column U.a"]),
        ("postgres", 'ALTER TABLE "U" ALTER COLUMN "a" SET DATA TYPE BIGINT;', ["change column U.a !"]),
        ("postgres", 'CREATE UNIQUE INDEX "k" ON "U"("a");', ["create index U to k +!"]),
        ("postgres", 'DROP INDEX "k";', ["drop index k"]),
        ("postgres", "ALTER TYPE \"Role\" ADD VALUE 'C';", ["create type Role.C +"]),
        ("postgres", 'DROP TABLE IF EXISTS public."U", b CASCADE;', ["drop table U -", "drop table b -"]),
        ("postgres", "CREATE EXTENSION IF NOT EXISTS pgcrypto;", []),
        ("postgres", "DO $$ BEGIN EXECUTE 'x'; END $$;", ["other do '$$ begin execute ''x''; end $$'"]),
    ],
)
def test_one_statement(dialect: str, sql: str, expected: list[str]) -> None:
    """Each kind of statement that Prisma writes gives its effect."""
    assert told(sql, dialect) == expected


@pytest.mark.parametrize(
    "more,earlier,expected",
    [
        ("", [VIDEO], ["rebuild table Video", "drop column Video.url -"]),
        (', "x" TEXT', [VIDEO], ["rebuild table Video", "drop column Video.url -", "add column Video.x +"]),
        (', "x" TEXT NOT NULL', [], ["rebuild table Video", "add column Video.x +?"]),
        (', "url" TEXT', [VIDEO], ["rebuild table Video"]),
        ("", [], ["rebuild table Video"]),
    ],
)
def test_a_table_that_prisma_makes_anew(more: str, earlier: list[str], expected: list[str]) -> None:
    """SQLite's redefinition is told as a difference of columns, never as a table that went."""
    assert told(REBUILT.format(more=more), "sqlite", *earlier) == expected


def test_prismas_warning_names_a_dropped_column_where_nothing_else_does() -> None:
    """Without the earlier migrations, the warning above the SQL says what goes."""
    warned = "/*\n  - You are about to drop the column `url` on the `Video` table.\n*/\n" + REBUILT.format(
        more=""
    )
    assert told(warned, "sqlite") == ["rebuild table Video", "drop column Video.url -"]


def test_a_value_that_leaves_an_enum() -> None:
    """Prisma swaps the whole type; what is told is the value that went."""
    swapped = """CREATE TYPE "Role_new" AS ENUM ('A');
ALTER TABLE "U" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role";
DROP TYPE "Role_old";"""
    assert told(swapped, "postgres", ROLE) == ["change column U.role !", "drop value Role.B -"]


@pytest.mark.parametrize("sql", ["SELECT FROM WHERE (((", "ALTER TABLE", "CREATE TABLE " + "(" * 2000])
def test_what_cannot_be_read_is_said_not_raised(sql: str) -> None:
    """A person can still roll back, and is told that nobody could judge."""
    assert [one.only_adds for one in effects(sql, "sqlite")] == [False]


def test_who_waits_meanwhile() -> None:
    """Locks are told where they last longer than a moment."""
    found = effects('CREATE INDEX "i" ON "U"("a"); CREATE INDEX CONCURRENTLY "j" ON "U"("a");', "postgres")
    assert [one.locks for one in found] == ["writes to U wait while the index is built", None]
