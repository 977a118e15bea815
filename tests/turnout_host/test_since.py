"""What a rollback would not bring back, from a journal and real trees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnout_host import apps, dotenv
from turnout_host.errors import SurveyError
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


@pytest.mark.parametrize(
    "changed,edited,expected", [(["SECRET"], False, True), (["SECRET"], True, False), (None, False, False)]
)
def test_whether_the_environments_dotenv_goes_back_too(
    layout: Layout, changed: list[str] | None, edited: bool, expected: bool
) -> None:
    """It does where `turnout env` changed it and no hand did since: what is foretold is what the pointsman does."""
    release(layout, "v1", [M1], "old")
    release(layout, "v2", [M1], "new")
    layout.current.symlink_to(layout.release("v2"))
    made = {"base_digest": dotenv.digest(layout.dotenv.read_bytes()), "changed": changed}
    state = fold(
        {
            "release": "v1",
            "migrated": "finished",
            "migrations": [],
            "dotenv": {"base_digest": "0", "shared": "1"},
        },
        {"release": "v2", "migrated": "finished", "migrations": [], "dotenv": made},
    )
    state.releases["v2"]["state"] = "blessed"
    if edited:
        layout.dotenv.write_bytes(b"SECRET=by hand\n")
    before = layout.dotenv.read_bytes()

    foretold = since(layout, state, Store(layout), "v1")["shared_goes_back"]
    job = {"why": "rollback", "previous": "v2", "deployment": "another"}
    apps.take_over_dotenv(layout, state.releases["v1"], state, job)

    assert foretold is expected
    assert (layout.dotenv.read_bytes() != before) is expected


def test_keys_are_told_too_where_a_hand_edited_both_dotenvs(layout: Layout) -> None:
    """The next deployment would be refused; a rollback is not, and must not say that the dotenv is as it was."""
    release(layout, "v1", [M1])
    release(layout, "v2", [M1])
    layout.current.symlink_to(layout.release("v2"))
    made = {"base_digest": dotenv.digest(layout.dotenv.read_bytes())}
    state = fold({"release": "v2", "migrated": "finished", "migrations": [], "dotenv": made})
    state.releases["v1"] = {"release": "v1", "number": 1}
    layout.dotenv.write_bytes(b"SECRET=by hand\nPORT=1\n")
    dotenv.write(layout, "v2", b"SECRET=by another hand\nPORT=1\n", "v2-0")

    assert since(layout, state, Store(layout), "v1")["dotenv"] == ["SECRET"]


@pytest.mark.parametrize("taken_over", [[], ["SECRET"]])
def test_a_hands_edit_that_a_rollback_with_todays_dotenv_took_over_stays(
    layout: Layout, taken_over: list[str]
) -> None:
    """As after a deployment: else the next one would lose it. Going back to that release later changes nothing."""
    release(layout, "v3", [M1], "by hand")
    layout.dotenv.write_bytes(b"SECRET=shared\n")
    own = {"base_digest": "0", "taken_over": taken_over}
    record = {"release": "v3", "number": 3, "back_to": "v1", "deployment": "d", "dotenv": own}
    state = State()

    apps.take_over_dotenv(layout, record, state, {"why": "rollback", "previous": "v2", "deployment": "later"})
    assert layout.dotenv.read_bytes() == b"SECRET=shared\n"
    apps.take_over_dotenv(layout, record, state, {"why": "rollback", "previous": "v2", "deployment": "d"})

    assert (layout.dotenv.read_bytes() == b"SECRET=by hand\nPORT=1\n") is bool(taken_over)


def test_a_hands_edit_while_a_change_is_on_its_way_is_not_overwritten(layout: Layout) -> None:
    """`turnout env set` takes a bake time; it is told in the result, and said again by the drift of the status."""
    release(layout, "v2", [M1], "by turnout env")
    layout.dotenv.write_bytes(b"SECRET=before\n")
    own = {"base_digest": "0", "changed": ["SECRET"], "shared": dotenv.shared_digest(layout)}
    record = {"release": "v2", "number": 2, "deployment": "d", "dotenv": own}
    job = {"why": "env set", "previous": "v1", "deployment": "d"}

    layout.dotenv.write_bytes(b"SECRET=by hand\n")
    with pytest.raises(SurveyError, match="edited by hand meanwhile"):
        apps.take_over_dotenv(layout, record, State(), job)
    assert layout.dotenv.read_bytes() == b"SECRET=by hand\n"

    layout.dotenv.write_bytes(b"SECRET=before\n")
    for _ in range(2):  # a pointsman that dies right after it does it once more
        apps.take_over_dotenv(layout, record, State(), job)
    assert layout.dotenv.read_bytes() == b"SECRET=by turnout env\nPORT=1\n"


def test_a_migration_of_an_adopted_release_whose_text_is_gone_is_told_by_name(layout: Layout) -> None:
    """Such a release has no manifest in which the text could be looked up."""
    release(layout, "v2", [M1])
    state = fold(
        {"release": "v1", "migrated": "finished", "migrations": [M1, M2]},
        {"release": "v2", "migrated": "finished", "migrations": [M1]},
    )
    state.releases["v1"]["manifest"] = None

    assert since(layout, state, Store(layout), "v2")["migrations"] == [{"name": M2, "sql": None}]


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

    assert found == {
        "migrations": [],
        "earlier": [],
        "schema": "",
        "provider": "",
        "dotenv": [],
        "shared_goes_back": False,
    }
