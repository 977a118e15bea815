"""Pending migrations, the guess of the time, the disk that will be left."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from turnout.migrations.pending import pending
from turnout.planning.forecast import disk_afterwards, seconds

CREATE = 'CREATE TABLE "Video" ("id" INTEGER NOT NULL PRIMARY KEY, "url" TEXT NOT NULL);'
DROP = 'ALTER TABLE "Video" DROP COLUMN "url";'


def migrations(tree: Path, **sql: str) -> Path:
    """A release with these migrations, for SQLite."""
    folder = tree / "prisma/migrations"
    for name, text in sql.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "migration.sql").write_text(text)
    (folder / "migration_lock.toml").write_text('provider = "sqlite"\n')
    return tree


def test_those_that_the_journal_knows_are_left_out(tmp_path: Path) -> None:
    """By name and contents; one whose file changed since counts again, as in the host's own rule."""
    tree = migrations(tmp_path, m1=CREATE, m2=DROP)
    known = {"m1": hashlib.sha256(CREATE.encode()).hexdigest(), "m2": "another"}

    assert [one.name for one in pending(tree, None)] == ["m1", "m2"]
    (only,) = pending(tree, known)
    assert (only.name, only.sql, only.only_adds) == ("m2", DROP, False)
    assert [str(effect) for effect in only.effects] == ["drop column Video.url"]


def test_an_app_without_migrations_has_none(tmp_path: Path) -> None:
    """No folder, no lock file: nothing is pending."""
    assert pending(tmp_path, None) == []


def deployment(took: float, **more: object) -> dict[str, object]:
    """A deployment that went well."""
    return {"command": "deploy", "result": "succeeded", "seconds": took, **more}


@pytest.mark.parametrize(
    "before, guess",
    [
        ([], None),
        ([deployment(10)], 10),
        ([deployment(10), deployment(12), deployment(90)], 12),
        ([deployment(10), deployment(99, result="failed")], 10),
        ([deployment(10), deployment(1, command="rollback"), deployment(1, command="host adopt")], 10),
        ([deployment(90)] * 10 + [deployment(10)] * 10, 10),
        ([{"started": 1.0, "deployment": "killed"}], None),
        ([deployment(10), {**deployment(1), "seconds": None}], 10),
    ],
)
def test_the_time_is_the_median_of_what_went_well(
    before: list[dict[str, object]], guess: float | None
) -> None:
    """Only deployments, only good ones, only the newest."""
    assert seconds(before) == guess


def test_disk_never_falls_below_nothing() -> None:
    """A release takes new contents, and a block for what is no file."""
    assert disk_afterwards(1_000_000, 500_000, 10, 10) == 1_000_000 - 500_000 - 20 * 4096
    assert disk_afterwards(10, 500, 1, 1) == 0
