"""What a rollback would not bring back, from a journal and real trees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnout_host import dotenv
from turnout_host.layout import Layout
from turnout_host.since import since
from turnout_host.state import State
from turnout_host.store import Store

M1, M2, M3 = "20260101_a", "20260102_b", "20260103_c"
SCHEMA = 'datasource db {\n  provider = "postgresql"\n}\nmodel A {\n id Int @id\n}\n'


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(str(tmp_path / "app"))
    found.prepare()
    return found


def release(layout: Layout, name: str, migrations: list[str], secret: str = "x") -> None:
    folder = layout.release(name)
    for one in migrations:
        (folder / "prisma/migrations" / one).mkdir(parents=True)
        (folder / "prisma/migrations" / one / "migration.sql").write_text(f"-- {one}\n")
    (folder / "prisma/schema.prisma").write_text(SCHEMA)
    base = f"SECRET={secret}\nPORT=1\n".encode()
    layout.dotenv.write_bytes(base)
    dotenv.write(layout, name, base, f"{name}-0")


def fold(*records: dict[str, Any]) -> State:
    state = State()
    seq = 0
    for record in records:
        name, migrated, names = record["release"], record["migrated"], record["migrations"]
        for kind, fields in (
            ("release.staged", {"manifest": "0" * 64}),
            ("release.prepared", {"migrations": dict.fromkeys(names, "0"), "dotenv": record.get("dotenv")}),
            (f"migration.{migrated}", {key: record.get(key, []) for key in ("applied", "pending")}),
        ):
            seq += 1
            entry = {"seq": seq, "ts": 1.0, "token": 1, "deployment": "d", "type": kind, "release": name}
            state.apply({**entry, **fields})
    return state


def test_migrations_since_with_their_text_and_the_keys_that_differ(layout: Layout) -> None:
    """Those that the journal proves to be in and the target does not have, in order; names of keys, never values."""
    release(layout, "v1", [M1], "old")
    release(layout, "v2", [M1, M2], "new")
    layout.current.symlink_to(layout.release("v2"))
    digest = {"base_digest": dotenv.digest(layout.dotenv.read_bytes())}
    state = fold(
        {"release": "v1", "migrated": "finished", "migrations": [M1]},
        {"release": "v2", "migrated": "finished", "migrations": [M1, M2], "dotenv": digest},
    )

    found = since(layout, state, Store(layout), "v1")

    assert found["migrations"] == [{"name": M2, "sql": f"-- {M2}\n"}]
    assert found["earlier"] == [{"name": M1, "sql": f"-- {M1}\n"}]
    assert (found["provider"], found["schema"]) == ("postgresql", SCHEMA)
    assert found["dotenv"] == ["SECRET"]


@pytest.mark.parametrize(
    "migrated,applied,names", [("finished", [M3], [M2, M3]), ("failed", [], [M2]), ("failed", [M3], [M2, M3])]
)
def test_a_release_that_failed_later_leaves_its_migrations_in(
    layout: Layout, migrated: str, applied: list[str], names: list[str]
) -> None:
    """Its folder is gone, so the text may be unknown; the name is told all the same."""
    release(layout, "v1", [M1])
    release(layout, "v2", [M1, M2])
    state = fold(
        {"release": "v1", "migrated": "finished", "migrations": [M1]},
        {"release": "v2", "migrated": "finished", "migrations": [M1, M2]},
        {"release": "v3", "migrated": migrated, "migrations": [M1, M2, M3], "applied": applied},
    )

    found = since(layout, state, Store(layout), "v1")

    assert [one["name"] for one in found["migrations"]] == names
    assert all(one["sql"] is None for one in found["migrations"] if one["name"] == M3)


def test_a_run_that_was_killed_counts_as_if_all_of_it_were_in(layout: Layout) -> None:
    """The journal has its begin and not its end: no way back is called safe that may not be."""
    release(layout, "v1", [M1])
    state = fold(
        {"release": "v1", "migrated": "finished", "migrations": [M1]},
        {"release": "v2", "migrated": "started", "migrations": [M1, M2, M3], "pending": [M2, M3]},
    )

    assert [one["name"] for one in since(layout, state, Store(layout), "v1")["migrations"]] == [M2, M3]


def test_an_app_without_prisma_has_nothing_to_say(layout: Layout) -> None:
    """No migrations, no schema, no provider."""
    layout.release("v1").mkdir()
    state = fold({"release": "v1", "migrated": "finished", "migrations": []})

    found = since(layout, state, Store(layout), "v1")

    assert found == {"migrations": [], "earlier": [], "schema": "", "provider": "", "dotenv": []}
