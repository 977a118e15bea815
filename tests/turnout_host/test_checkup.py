"""What `turnout verify` finds on a host, and that it only looks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.turnout_host.goods import Link, Tree, contents, entries, sha, stream, text
from turnout_host import layers, releases
from turnout_host.checkup import Checkup, Finding
from turnout_host.host import Host
from turnout_host.journal import Journal

APP: Tree = {"dist/app.js": b"app", "package.json": b"{}"}
MODULES: Tree = {"node_modules/pkg/index.js": b"pkg", "node_modules/.bin/pkg": Link("../pkg/index.js")}


def bring(there: Host, tree: Tree) -> str:
    """A tree's manifest and contents; its digest."""
    there.store.keep_text(text(tree).encode())
    there.store.receive(stream(contents(tree)), "zstd")
    return sha(text(tree).encode())


@pytest.fixture
def there(tmp_path: Path) -> Host:
    """A host on which v1 was blessed, with a layer and a .env; PM2 runs nothing."""
    host = Host(str(tmp_path / "app"))
    host.journal = Journal(host.layout)
    layer, digest = bring(host, MODULES), bring(host, APP)
    layers.lay(host.layout, host.store, "deps-1", entries(MODULES))
    host.journal.append("layer.made", "d", key="deps-1", manifest=layer)
    releases.stage(host.layout, host.store, "v1", entries(APP), ["logs"])
    about = {"manifest": digest, "shared": ["logs"], "revision": "0123456789abcdef"}
    host.journal.append("release.staged", "d", release="v1", **about)
    dotenv = host.layout.release("v1") / ".env"
    dotenv.touch(0o600)
    releases.install(host.layout, "v1", "deps-1")
    host.journal.append("release.prepared", "d", release="v1", dependencies="deps-1")
    host.journal.append("release.blessed", "d", release="v1")
    host.layout.current.symlink_to(host.layout.release("v1"))
    return host


def look(there: Host) -> list[Finding]:
    """The findings; the processes, of which there are none here, aside."""
    fresh = Host(str(there.layout.path))
    found = Checkup(fresh.layout, fresh.journal.state, {}).look()["findings"]
    assert [one["why"] for one in found if one["what"] == "process"] in (
        [],
        ["PM2 runs no process of this app"],
    )
    return [one for one in found if one["what"] != "process"]


def test_a_well_host(there: Host) -> None:
    """Nothing but the processes that are not there."""
    assert look(there) == []


def edit(file: Path) -> None:
    file.chmod(0o600)
    file.write_bytes(file.read_bytes() + b"!")


def release(there: Host, name: str = "v1") -> Path:
    return there.layout.release(name)


def staged(there: Host) -> None:
    there.journal.append("release.staged", "d", release="v2")
    release(there, "v2").mkdir()


def failed(there: Host) -> None:
    staged(there)
    there.journal.append("release.failed", "d", release="v2")


def asked(there: Host) -> None:
    there.journal.append("activation.asked", "d", release="v1", previous=None)


def astray(there: Host) -> None:
    there.layout.current.unlink()
    there.layout.current.symlink_to(there.layout.path)


def folder(there: Host) -> None:
    there.layout.current.unlink()
    there.layout.current.mkdir()


def hand(there: Host) -> None:
    there.journal.append("release.staged", "d", release="v2")
    there.journal.append("release.blessed", "d", release="v2")


def modules(there: Host) -> None:
    (release(there) / "node_modules").unlink()
    (release(there) / "node_modules").mkdir()


def backup(there: Host) -> None:
    (there.layout.backups / "backup-20260101-000000").symlink_to(release(there, "v9"))


def layer_gone(there: Host) -> None:
    layers.remove(there.layout, "deps-1")


def restore(there: Host) -> None:
    there.journal.append("restore.started", "d", release="v1", name="before-big-change")


HURTS: list[tuple[str, Callable[[Host], object], str, str, str]] = [
    ("a file", lambda there: edit(release(there) / "dist/app.js"), "release", "changed: dist/app.js", "--accept-drift"),
    ("a content", lambda there: edit(there.layout.blob(sha(b"app"))), "store", "not what its name says", "rm -f"),
    ("a layer's file", lambda there: edit(there.layout.layer("deps-1") / "node_modules/pkg/index.js"), "layer",
     "changed: node_modules/pkg/index.js", "sends it again"),
    ("a layer gone", layer_gone, "layer", "the layer of v1 is gone", "turnout deploy {env}"),
    ("a manifest", lambda there: there.layout.manifest(sha(text(APP).encode())).unlink(), "release",
     "cannot be checked", "turnout deploy {env}"),
    ("node_modules", modules, "link", "does not lead to its layer", "ln -s"),
    ("logs", lambda there: (release(there) / "logs").unlink(), "link", "does not lead to shared/logs", "ln -s"),
    ("a backup's link", backup, "link", "leads to a release that is gone", "rm "),
    ("no .env", lambda there: (release(there) / ".env").unlink(), "dotenv", "has no .env", "--ref 0123456789"),
    ("an open .env", lambda there: (release(there) / ".env").chmod(0o644), "dotenv", "mode 0644", "chmod 600"),
    ("no current", lambda there: there.layout.current.unlink(), "current", "v1 should serve", "turnout deploy"),
    ("current elsewhere", astray, "current", "no blessed release", "ln -sfn"),
    ("a real current", folder, "current", "no link to a release", "turnout host adopt {env}"),
    ("a hand", hand, "current", "a hand led `current` from v2 to v1", "turnout rollback {env} v2"),
    ("a release that nobody staged", lambda there: release(there, "v3").mkdir(),
     "release", "the journal does not know v3", "then: rm -r"),
    ("an open switch", asked, "leftover", "was left open", "turnout resume {env}"),
    ("an unfinished release", staged, "leftover", "v2 was left unfinished", "turnout resume {env}"),
    ("a failed release", failed, "leftover", "v2 failed and is still there", "turnout resume {env}"),
    ("a temp file", lambda there: (there.layout.tmp / "x").touch(), "leftover", "a dead run left it", "turnout resume"),
    ("a torn line", lambda there: os.truncate(there.layout.journal, there.layout.journal.stat().st_size - 1), "journal",
     "half written", "turnout resume {env}"),
    ("a restore", restore, "database", "half restored", "turnout restore {env} before-big-change"),
]  # fmt: skip


@pytest.mark.parametrize("hurt, what, why, remedy", [one[1:] for one in HURTS], ids=[one[0] for one in HURTS])
def test_each_hurt_is_named_with_its_remedy(
    there: Host, hurt: Callable[[Host], object], what: str, why: str, remedy: str
) -> None:
    """And nothing is written by looking: no mtime moves, nothing is set aside, no lease is taken."""
    hurt(there)
    before = snapshot(there.layout.path)

    found = look(there)

    assert any(
        one["what"] == what and why in one["why"] and any(remedy in line for line in one["remedy"])
        for one in found
    ), found
    assert all(one["remedy"] and one["where"] for one in found)
    assert snapshot(there.layout.path) == before


def snapshot(folder: Path) -> dict[str, int]:
    """Everything there and the moment of its last change."""
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_what_a_deployment_is_about_to_make_is_no_leftover(there: Host) -> None:
    """While somebody holds the lease, half of what is there is his; he is named instead."""
    there.lease.acquire(lambda: 0, {"deployment": "d", "by": "ann"}, 0.0, lambda _: None)
    try:
        staged(there)
        (there.layout.tmp / "x").touch()
        fresh = Host(str(there.layout.path))
        seen = Checkup(fresh.layout, fresh.journal.state, {}).look()
        assert seen["findings"] == []
        assert seen["lease"]["by"] == "ann"
    finally:
        there.lease.release()
