"""Contents are collected when no release needs them, and never while a deployment stages: raced in both directions."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.turnout_host.goods import Tree, contents, lacking, marked, pack, sha, stream, text
from turnout_host import prune, survey
from turnout_host.calls import goods
from turnout_host.errors import LeaseHeld, LeaseLost, SurveyError
from turnout_host.host import Args, Host

SHARED = {"lib/shared.js": b"shared by all"}


def tree(number: int) -> Tree:
    """Half of it is what every release has, half is its own."""
    return {
        **SHARED,
        "dist/app.js": f"release {number}".encode(),
        f"dist/{number}.js": b"the same everywhere",
    }


def manifest_of(files: Tree) -> dict[str, str]:
    """As `lacks` takes it."""
    return {"digest": sha(text(files).encode()), "packed": pack(text(files))}


def connection(path: Path, name: str) -> Host:
    """One host program, for a deployment of that name."""
    made = Host(str(path))
    made.deployment = name
    return made


def take(host: Host) -> None:
    """The lease, as `acquire` takes it."""

    def newest() -> int:
        host.journal.refresh()
        return host.journal.state.token

    host.lease.acquire(newest, {"deployment": host.deployment, "orphan": True}, 30.0, lambda _: None)
    host.journal.refresh()


def ask(call: Any, host: Host, **args: Any) -> Any:
    """One call, as the server makes it."""
    host.lease.check()
    return call(host, Args(args), lambda _: None)


def lacks(host: Host, files: Tree) -> set[str]:
    """The blobs that the host asks for."""
    return marked([text(files)], ask(goods.call_lacks, host, manifests=[manifest_of(files)])["lacking"])


def bring(host: Host, number: int) -> str:
    """Ask what lacks, send exactly that, stage, and bless: the whole way of one release; its name."""
    files = tree(number)
    names = lacks(host, files)
    sent = [blob for blob in contents(files) if sha(blob) in names]
    ask(goods.call_upload, host, chunks=stream(sent), compression="zstd")
    return bless(host, number)


def bless(host: Host, number: int) -> str:
    """Lay it out, and make it the one that serves."""
    digest = manifest_of(tree(number))["digest"]
    about = {"deployment": "d", "artifact": digest, "revision": "0" * 40, "by": "ann", "shared": []}
    name = str(ask(goods.call_stage, host, manifest=digest, **about)["release"])
    host.journal.append("release.blessed", host.deployment, release=name)
    host.layout.current.unlink(missing_ok=True)
    host.layout.current.symlink_to(host.layout.release(name))
    return name


def whole(host: Host) -> None:
    """Every release that the journal knows is there, with all its contents."""
    host.journal.refresh()
    for record in host.journal.state.blessed():
        folder = host.layout.release(record["release"])
        assert host.store.verify(host.store.manifest(record["manifest"]), folder) == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the app lies."""
    return tmp_path / "app"


@pytest.fixture
def one(path: Path) -> Iterator[Host]:
    """A deployment that holds the lease."""
    made = connection(path, "one")
    take(made)
    yield made
    made.lease.release()


def test_nothing_is_collected_while_a_deployment_stages(one: Host, path: Path) -> None:
    """Its contents belong to no release yet; another one gets no lease, and without one may not prune."""
    bring(one, 1)
    files = tree(2)
    ask(goods.call_lacks, one, manifests=[manifest_of(files)])
    ask(goods.call_upload, one, chunks=stream(contents(files)), compression="zstd")

    two = connection(path, "two")
    with pytest.raises(LeaseHeld):
        two.lease.acquire(lambda: 0, {"deployment": "two"}, 0.0, lambda _: None)
    with pytest.raises(LeaseLost):
        ask(goods.call_prune, two, keep=0)

    assert bless(one, 2) == "v2"
    whole(one)


def test_a_deployment_that_comes_while_one_collects_waits_and_sends_what_went(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other direction: a prune is in the middle of the store. What it takes away is lacking afterwards."""
    one, two = connection(path, "one"), connection(path, "two")
    take(one)
    bring(one, 1)
    bring(one, 2)
    in_the_middle, go_on = threading.Event(), threading.Event()
    collect = prune._collect

    def slowly(*args: Any) -> None:
        in_the_middle.set()
        assert go_on.wait(20)
        collect(*args)

    monkeypatch.setattr(prune, "_collect", slowly)
    with ThreadPoolExecutor() as pool:
        pruning = pool.submit(ask, goods.call_prune, one, keep=0)
        assert in_the_middle.wait(20)
        coming = pool.submit(take, two)
        assert not coming.done()
        go_on.set()
        assert pruning.result()["removed"] == ["v1"]
        one.lease.release()
        coming.result()
    assert lacks(two, tree(1)) == {sha(b"release 1")}
    bring(two, 1)
    whole(two)
    two.lease.release()


@pytest.mark.parametrize("seed", range(4))
def test_raced_at_random(path: Path, seed: int) -> None:
    """Two who deploy and two who prune, over and over: every release that was blessed and is kept is whole."""

    def deploys(number: int) -> None:
        dice = random.Random(seed * 100 + number)
        host = connection(path, f"d{number}")
        for _ in range(6):
            take(host)
            bring(host, dice.randrange(5))
            host.lease.release()

    def prunes(number: int) -> None:
        host = connection(path, f"p{number}")
        for _ in range(8):
            take(host)
            ask(goods.call_prune, host, keep=number)
            host.lease.release()

    Host(str(path))
    jobs = [lambda: deploys(1), lambda: prunes(0), lambda: deploys(2), lambda: prunes(1)]
    with ThreadPoolExecutor(4) as pool:
        for ended in [pool.submit(job) for job in jobs]:
            ended.result()
    last = connection(path, "last")
    whole(last)
    take(last)
    ask(goods.call_prune, last, keep=0)
    (kept,) = last.journal.state.blessed()
    needed = {entry.blob for entry in last.store.manifest(kept["manifest"]) if entry.kind == "f"}
    assert {file.name for file in last.layout.store.glob("*/*")} == needed
    last.lease.release()


def test_a_short_disk_is_made_room_on_and_what_was_freed_is_said(
    one: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may go first goes, by `keep`; what is here of the coming release stays, and the rest is sent."""
    for number in range(4):
        bring(one, number)
    said: list[dict[str, Any]] = []
    full = iter([True, False])

    def space(*_: Any) -> None:
        if next(full):
            raise SurveyError("not enough disk")

    monkeypatch.setattr(survey, "space", space)
    answer = goods.call_lacks(one, Args({"manifests": [manifest_of(tree(1))], "keep": 1}), said.append)

    assert answer["pruned"]["removed"] == ["v1", "v2"]
    assert [event["text"] for event in said] == [said[0]["text"]]
    assert "the disk is short" in said[0]["text"]
    assert "v1, v2 went" in said[0]["text"]
    assert "1" not in answer["lacking"], "contents of the coming release were here, and must not go"
    assert lacking(one.store, [sha(b"release 1")]) == []
    assert lacking(one.store, [sha(b"release 0")]) == [sha(b"release 0")]
    bring_again = bless(one, 1)
    assert bring_again == "v5"
    whole(one)


def test_a_disk_that_stays_too_short_is_refused_and_what_was_freed_is_said(
    one: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both figures, and what went already."""
    for number in range(3):
        bring(one, number)

    def space(*_: Any) -> None:
        raise SurveyError("not enough disk")

    monkeypatch.setattr(survey, "space", space)
    with pytest.raises(SurveyError) as caught:
        goods.call_lacks(one, Args({"manifests": [manifest_of(tree(2))], "keep": 1}), lambda _: None)
    assert "were freed already; v1 went" in caught.value.detail["reason"]


def test_failed_releases_never_push_out_a_good_one(one: Host) -> None:
    """However many fail: the running release and the `keep` before it are all there, and whole."""
    for number in range(3):
        bring(one, number)
    for number in range(3, 9):
        files = tree(number)
        ask(goods.call_lacks, one, manifests=[manifest_of(files)])
        ask(goods.call_upload, one, chunks=stream(contents(files)), compression="zstd")
        digest = manifest_of(files)["digest"]
        about = {"deployment": "d", "artifact": digest, "revision": "0" * 40, "by": "ann", "shared": []}
        name = ask(goods.call_stage, one, manifest=digest, **about)["release"]
        one.journal.append("release.failed", "d", release=name, reason="it crashed")
        ask(goods.call_prune, one, keep=2)
    assert [record["release"] for record in one.journal.state.blessed()] == ["v3", "v2", "v1"]
    assert sorted(folder.name for folder in one.layout.releases.iterdir()) == ["v1", "v2", "v3"]
    whole(one)
