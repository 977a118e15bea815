"""Calls, carried out as the server does it, under a lease."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.turnout_host.goods import Link, Program, Tree, contents, entries, pack, sha, stream, text
from turnout_host import layers, recovery, status
from turnout_host.calls import deployment, goods, looking
from turnout_host.errors import LeaseHeld, MigrationError, StoreError, SurveyError
from turnout_host.host import Args, Host

TREE: Tree = {"node_modules/pkg/cli.js": Program(b"#!node"), "node_modules/.bin/pkg": Link("../pkg/cli.js")}
DIGEST = sha(text(TREE).encode())


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Host]:
    """One connection, with the lease in its hand."""
    there = Host(str(tmp_path / "app"))
    there.lease.acquire(lambda: 0, {"deployment": "d"}, 0.0, lambda _: None)
    there.deployment = "d"
    yield there
    there.lease.release()


def call(what: Any, there: Host, **args: Any) -> Any:
    said: list[Any] = []
    return what(there, Args(args), said.append)


def sent(there: Host) -> None:
    """The layer's manifest and contents have arrived."""
    there.store.keep_text(text(TREE).encode())
    there.store.receive(stream(contents(TREE)), "zstd")


@pytest.mark.parametrize(
    "listed, digest, reason", [(text(TREE), "0" * 64, "digest"), ("d\t..\n", "", "line 1")]
)
def test_a_manifest_is_checked_when_it_comes(there: Host, listed: str, digest: str, reason: str) -> None:
    """A wrong digest or bad text is a StoreError, and the manifest is not kept."""
    item = {"digest": digest or sha(listed.encode()), "packed": pack(listed)}
    with pytest.raises(StoreError, match=reason):
        call(goods.call_lacks, there, manifests=[item])
    assert list(there.layout.manifests.iterdir()) == []


@pytest.mark.parametrize("hurt", [False, True])
def test_a_layer_that_was_laid_but_not_written_down_is_used(there: Host, hurt: bool) -> None:
    """Killed between its place and the journal: it is not offered, then checked, mended if need be, written down."""
    sent(there)
    layers.lay(there.layout, there.store, "deps-1", entries(TREE))
    folder = there.layout.layer("deps-1")
    folder.chmod(0o755)  # what a kill right after the rename leaves
    if hurt:
        (folder / "node_modules/.bin").chmod(0o755)
        (folder / "node_modules/.bin/pkg").unlink()
    before = os.open(folder, os.O_RDONLY)  # held, so that its inode is not used again
    assert call(looking.call_state, there)["layers"] == []
    assert call(goods.call_lay_layer, there, key="deps-1", manifest=DIGEST) == {"made": hurt}
    assert there.journal.state.layers == {"deps-1": DIGEST}
    assert there.store.verify(entries(TREE), folder) == []
    assert os.path.samestat(os.fstat(before), folder.stat()) is not hurt
    os.close(before)
    assert folder.stat().st_mode & 0o777 == 0o555
    assert call(looking.call_state, there)["layers"] == ["deps-1"]
    there.journal.append("layer.made", "d", key="deps-2", manifest=None)
    assert call(looking.call_state, there)["layers"] == ["deps-1"], "one without a folder is none"


def test_a_look_alone_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`plan` and `decide` promise to change nothing: an open switch with nobody at it waits for another contact."""
    there, ended = Host(str(tmp_path / "app")), []
    there.lease.acquire(lambda: 0, {"deployment": "d"}, 0.0, lambda _: None)
    there.journal.append("activation.asked", "d", release="v1")
    there.lease.release()
    monkeypatch.setattr(recovery, "on_contact", lambda *_: ended.append(1))

    assert call(looking.call_health, there, look=True)["needs_a_look"]
    assert ended == []
    call(looking.call_health, there)
    assert ended == [1]


def staged(there: Host, *migrations: str, name: str = "v1") -> None:
    """A release with these migrations, ready for `migrate`."""
    there.layout.release(name).mkdir()
    there.journal.append("release.staged", "d", release=name)
    there.journal.append(
        "release.prepared",
        "d",
        release=name,
        migrations=dict.fromkeys(migrations, "0" * 64),
        toolchain={"node": None, "pm2": None},
        dotenv={"base_digest": "1"},
    )


def test_output_without_end_does_not_fill_the_memory(there: Host) -> None:
    """Only what names a migration is kept, however much a command prints around it."""
    staged(there, "1_a", "2_b")
    commands = ["echo 'Applying migration `2_b`'; seq 60000", "echo no migration at all"]
    tracemalloc.start()
    try:
        answer = deployment.call_migrate(there, Args({"release": "v1", "commands": commands}), lambda _: None)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
    assert answer["applied"] == ["2_b"]


def test_a_failed_migration_names_those_before_it(there: Host) -> None:
    """They are in and stay in: whoever mends the third must know of the first two."""
    staged(there, "1_a", "2_b", "3_c")
    command = r"printf 'Applying migration `%s`\n' 1_a 2_b 3_c; echo 'Migration name: 3_c'; exit 1"
    with pytest.raises(MigrationError, match="migration 3_c failed; 1_a, 2_b before it went in") as caught:
        call(deployment.call_migrate, there, release="v1", commands=[command])
    assert caught.value.detail["applied"] == ["1_a", "2_b"]
    assert there.journal.state.releases["v1"]["applied"] == ["1_a", "2_b"]


def test_what_an_earlier_release_brought_in_is_not_told_again(there: Host) -> None:
    """That release failed later, so the journal counts its migration as pending; engine 'js' does not say more."""
    staged(there, "1_a")
    call(deployment.call_migrate, there, release="v1", commands=["echo 'Applying migration `1_a`'"])
    there.journal.append("release.failed", "d", release="v1")
    staged(there, "1_a", "2_b", "3_c", name="v2")
    with pytest.raises(MigrationError, match="failed; 2_b before it went in"):
        call(deployment.call_migrate, there, release="v2", commands=["echo 'Migration name: 3_c'; exit 1"])


MAKE = (
    "mkdir -p node_modules/.bin node_modules/.cache node_modules/pkg-a/x && cd node_modules && touch .cache/y pkg-b && "
    "echo 1 >pkg-a/x/run && chmod 755 pkg-a/x/run && ln -s ../pkg-a/x/run .bin/run"
)


def made(there: Host, *commands: str) -> Path:
    """A layer made here by these commands."""
    there.layout.release("v1").mkdir(exist_ok=True)
    call(goods.call_make_layer, there, key="deps-1", release="v1", commands=list(commands), inputs=[])
    return there.layout.layer("deps-1")


def test_a_layer_that_was_made_here_can_be_checked(there: Host) -> None:
    """Before a rollback its files are hashed like those of a sent one, scratch files apart."""
    folder = made(there, MAKE)
    digest = there.journal.state.layers["deps-1"]
    assert digest is not None
    listed = list(there.store.manifest(digest))
    assert [entry.path for entry in listed if entry.kind == "f"] == [
        "node_modules/pkg-a/x/run",
        "node_modules/pkg-b",
    ]
    assert there.store.verify(listed, folder, layers.SCRATCH) == []
    (folder / "node_modules/pkg-a/x/run").chmod(0o755)
    (folder / "node_modules/pkg-a/x/run").write_text("edited")
    assert there.store.verify(listed, folder, layers.SCRATCH) == ["changed: node_modules/pkg-a/x/run"]


def test_a_layer_that_was_made_but_not_written_down_is_not_made_again(there: Host) -> None:
    """Killed between its place and the journal."""
    layers.make(there.layout, "deps-1", there.layout.own, [MAKE], [], [], print)
    made(there, "exit 1")
    assert there.journal.state.layers["deps-1"]


def test_a_layer_that_no_manifest_can_describe_is_used_all_the_same(there: Host) -> None:
    """A package may hold a link that leads out of it, or a name with a line's end."""
    assert made(there, "mkdir node_modules && ln -s /etc/hosts node_modules/x").is_dir()
    assert there.journal.state.layers == {"deps-1": None}


@pytest.mark.parametrize(
    "error, doubts",
    [
        (
            SurveyError("the switch to v2 was left open and cannot be ended"),
            ["the switch to v2 was left open and cannot be ended"],
        ),
        (OSError(28, "No space left on device"), ["[Errno 28] No space left on device"]),
        (LeaseHeld("somebody else looks, too"), []),
    ],
)
@pytest.mark.parametrize("what", ["status", "health"])
def test_a_look_shows_what_is_there_although_an_open_switch_cannot_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, error: Exception, doubts: list[str]
) -> None:
    """On a full disk, say: that is when people look. Two who look at once do not refuse each other."""
    there = Host(str(tmp_path / "app"))
    there.journal.state.open = {"release": "v2", "deployment": "d"}
    monkeypatch.setattr(status, what, lambda *_: {"release": "v1", "needs_a_look": []})

    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(recovery, "on_contact", fails)

    found = call(getattr(looking, f"call_{what}"), there)

    assert found == {"release": "v1", "needs_a_look": doubts}


def test_nothing_to_migrate_does_not_heal_a_database_that_is_half_restored(tmp_path: Path) -> None:
    """Only a real run of the migrations, or another restore, takes the mark away."""
    host = Host(str(tmp_path / "app"))
    deployment.call_acquire(host, Args({"deployment": "d", "by": "ann"}), lambda _: None)
    host.journal.append("restore.started", "d", name="before")
    host.journal.append("restore.failed", "d", name="before")
    for known in ({}, {"1_first": "digest"}):
        record = {"release": "v1", "migrations": known, "dotenv": {"base_digest": "x"}}
        deployment.proved(host, record)
    assert host.journal.state.restore is not None
