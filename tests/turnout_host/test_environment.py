"""A change of the dotenv, call by call: the running artifact once more, with another `.env`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.turnout_host.goods import Tree, contents, sha, stream, text
from turnout_host import dotenv
from turnout_host.calls import environment, goods
from turnout_host.errors import SurveyError
from turnout_host.host import Args, Host

TREE: Tree = {"package.json": b"{}", "dist/server.js": b"1"}
DIGEST = sha(text(TREE).encode())
KNOWN: dict[str, Any] = {
    "manifest": DIGEST, "artifact": DIGEST, "revision": "r", "subject": "One", "shared": ["logs"], "inputs": "i",
    "build": "b", "turnout": "1", "promoted": None,
}  # fmt: skip


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Host]:
    """v1 serves with PORT and SECRET; its migrations are in."""
    made = Host(str(tmp_path / "app"))
    made.lease.acquire(lambda: 0, {"deployment": "d"}, 0.0, lambda _: None)
    made.deployment = "d"
    made.store.keep_text(text(TREE).encode())
    made.store.receive(stream(contents(TREE)), "zstd")
    made.layout.dotenv.write_text("PORT=3000\nSECRET=one\n")
    call(goods.call_stage, made, deployment="d", by="ann", **KNOWN)
    call(goods.call_dotenv, made, release="v1")
    made.journal.append("migration.finished", "d", release="v1", applied=[])
    made.layout.current.symlink_to(made.layout.release("v1"))
    yield made
    made.lease.release()


def call(what: Any, there: Host, **args: Any) -> Any:
    return what(there, Args(args), lambda _: None)


def again(there: Host) -> str:
    """As `steps/again.py` asks for it: what the journal knows of v1, back to the host."""
    record = there.journal.state.releases["v1"]
    known = {key: record.get(key) for key in KNOWN}
    return str(call(goods.call_stage, there, deployment="d2", by="bob", again="v1", **known)["release"])


@pytest.mark.parametrize(
    "changes,migrated", [({"SECRET": "two"}, "finished"), ({"DATABASE_URL": "file:/srv/other.db"}, None)]
)
def test_the_same_code_gets_another_dotenv(
    there: Host, changes: dict[str, str], migrated: str | None
) -> None:
    """All that is known of the artifact goes along, that its migrations are in only where the database is the same."""
    name = again(there)
    answer = call(environment.call_change_dotenv, there, release=name, changes=changes, expected=None)

    one, two = (there.journal.state.releases[release] for release in ("v1", name))
    assert {key: two.get(key) for key in KNOWN} == {key: one.get(key) for key in KNOWN}
    assert (name, two["by"], two["again"], two.get("migrated")) == ("v2", "bob", "v1", migrated)
    assert answer["changed"] == list(changes)
    own = dotenv.parse((there.layout.release(name) / ".env").read_text())
    assert own.items() >= {"PORT": "3000", **changes}.items()
    assert there.layout.dotenv.read_text() == "PORT=3000\nSECRET=one\n"


def test_after_a_restore_nobody_knows_what_is_in_the_database(there: Host) -> None:
    """A change of another key must not hide that: the next deployment asks, and brings migrations in again."""
    there.journal.append("restore.finished", "d2", name="one")
    name = again(there)
    call(environment.call_change_dotenv, there, release=name, changes={"SECRET": "two"}, expected=None)

    assert there.journal.state.releases[name]["migrated"] == "unknown"


def test_of_two_people_who_looked_at_the_same_dotenv_the_second_one_looks_again(there: Host) -> None:
    """One was faster: what he set is not overwritten by what the other one still saw."""
    seen = call(environment.call_read_dotenv, there, values=True)["digest"]
    there.layout.dotenv.write_text("PORT=3000\nSECRET=faster\n")

    late: dict[str, Any] = {"changes": {"SECRET": "slower"}, "expected": seen}
    with pytest.raises(SurveyError, match="since you looked"):
        call(environment.call_try_dotenv, there, **late)
    name = again(there)
    with pytest.raises(SurveyError, match="since you looked"):
        call(environment.call_change_dotenv, there, release=name, **late)
