"""What a rollback's target is made of is hashed before it is activated, dependencies that were made here as well."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.turnout_host.goods import Tree, contents, sha, stream, text
from turnout_host import compare, stamps
from turnout_host.calls import goods
from turnout_host.calls.switching import _whole
from turnout_host.checkup import Checkup
from turnout_host.errors import StoreError
from turnout_host.host import Args, Host

TREE: Tree = {"package.json": b"{}", "dist/server.js": b"1"}
DIGEST = sha(text(TREE).encode())
MAKES = """\
mkdir -p node_modules/.bin node_modules/a
echo 1 > node_modules/a/index.js
chmod +x node_modules/a/index.js
ln -s ../a/index.js node_modules/.bin/a
"""


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Host]:
    """v1 with dependencies that this host made by commands; v2 has others."""
    made = Host(str(tmp_path / "app"))
    made.lease.acquire(lambda: 0, {"deployment": "d"}, 0.0, lambda _: None)
    made.deployment = "d"
    made.store.keep_text(text(TREE).encode())
    made.store.receive(stream(contents(TREE)), "zstd")
    for name, key in (("v1", "deps-1"), ("v2", "deps-2")):
        call(
            goods.call_stage,
            made,
            deployment="d",
            manifest=DIGEST,
            artifact=DIGEST,
            revision="r" * 40,
            by="a",
            shared=[],
        )
        make(made, name, key)
        made.journal.append("release.prepared", "d", release=name, dependencies=key)
    made.layout.current.symlink_to(made.layout.release("v2"))
    yield made
    made.lease.release()


def call(what: Any, there: Host, **args: Any) -> Any:
    return what(there, Args(args), lambda _: None)


def make(there: Host, release: str, key: str) -> None:
    """Make the layer here."""
    inputs = ["package.json"]
    call(
        goods.call_make_layer, there, key=key, release=release, commands=[MAKES], inputs=inputs, toolchain={}
    )


def v1(there: Host) -> Any:
    return there.journal.state.releases["v1"]


def test_what_is_as_it_was_made_can_be_gone_back_to(there: Host) -> None:
    """Files, modes and links of a layer that was never sent are described by a manifest, too; scratch files are not."""
    assert there.journal.state.layers["deps-1"]
    modules = there.layout.layer("deps-1") / "node_modules"
    modules.chmod(0o755)
    (modules / ".cache").mkdir()
    (modules / ".cache/jiti").write_text("scratch")

    _whole(there, v1(there))


def edit(path: Path) -> None:
    path.chmod(0o644)
    path.write_text("2\n")


@pytest.mark.parametrize("how", ["changed", "missing", "added"])
def test_a_layer_that_a_hand_changed_is_not_gone_back_to(there: Host, how: str) -> None:
    """It says what, and how it is made anew: another deployment alone would link the same layer once more."""
    folder = there.layout.layer("deps-1")
    (folder / "node_modules/a").chmod(0o755)
    if how == "changed":
        edit(folder / "node_modules/a/index.js")
    elif how == "missing":
        (folder / "node_modules/a/index.js").unlink()
    else:
        (folder / "node_modules/a/new.js").write_text("new")

    with pytest.raises(StoreError, match=f"the dependencies of v1 were changed.*{how}") as caught:
        _whole(there, v1(there))

    assert f"rm -r {folder}" in caught.value.detail["remedy"][0]
    assert "git revert" in caught.value.detail["remedy"][1]
    subprocess.run(caught.value.detail["remedy"][0].partition(": ")[2], shell=True, check=True)
    make(there, "v1", "deps-1")
    _whole(there, v1(there))


def test_nobody_is_told_to_remove_dependencies_that_serve(there: Host) -> None:
    """v2 serves with the same layer: it would lose its modules under way."""
    there.journal.append("release.prepared", "d", release="v2", dependencies="deps-1")
    index = there.layout.layer("deps-1") / "node_modules/a/index.js"
    edit(index)

    with pytest.raises(StoreError) as caught:
        _whole(there, v1(there))

    assert "rm -r" not in str(caught.value.detail["remedy"])
    assert "v2 serves with them" in caught.value.detail["remedy"][0]


def test_a_release_that_a_hand_changed_is_not_gone_back_to(there: Host) -> None:
    """Its own files come first."""
    edit(there.layout.release("v1") / "dist/server.js")

    with pytest.raises(StoreError, match="v1 was changed since it was staged"):
        _whole(there, v1(there))


# stamps

LAYER: Tree = {"node_modules/a/index.js": b"1", "node_modules/b/index.js": b"2"}


@pytest.fixture
def sent(there: Host) -> Host:
    """v1 has dependencies that were sent."""
    send(there, LAYER)
    lay(there, "deps-3")
    there.journal.append("release.prepared", "d", release="v1", dependencies="deps-3")
    return there


def send(there: Host, tree: Tree) -> None:
    there.store.keep_text(text(tree).encode())
    there.store.receive(stream(contents(tree)), "zstd")


def lay(there: Host, key: str, tree: Tree = LAYER) -> None:
    call(goods.call_lay_layer, there, key=key, manifest=sha(text(tree).encode()))
    there.do_later()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of layers that are hashed from now on."""
    paths: list[str] = []
    hash_file = compare.hash_file

    def noted(path: str) -> str:
        if "/layers/" in path:
            paths.append(path)
        return hash_file(path)

    monkeypatch.setattr(compare, "hash_file", noted)
    return paths


def entries(there: Host, kind: str) -> list[Any]:
    return [entry for entry in there.journal.since(0, "d") if entry["type"] == kind]


def hide(file: Path) -> None:
    """Edit it in place, and put its mtime back; its size is what it was."""
    before = file.stat()
    with file.open("r+b") as opened:
        opened.write(b"3")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def unstamped(there: Host) -> None:
    """As an earlier Turnout wrote the journal: nothing in it knows of stamps."""
    key = there.journal.state.releases["v1"]["dependencies"]
    digest = there.journal.state.layers[key]
    there.journal.append("layer.made", "d", key=key, manifest=digest)
    assert key not in there.journal.state.stamps


@pytest.mark.parametrize("how", ["there", "sent"])
def test_a_layer_that_was_hashed_when_it_came_is_not_hashed_again(
    request: pytest.FixtureRequest, how: str, read: list[str]
) -> None:
    """Made here or sent. The code of the release is, always."""
    host: Host = request.getfixturevalue(how)
    before = entries(host, "layer.verified")
    read.clear()
    _whole(host, v1(host))
    assert read == []
    assert entries(host, "layer.verified") == before


def test_a_layer_without_a_stamp_is_hashed_once(sent: Host, read: list[str]) -> None:
    """Its stamp is then in the journal, for whoever reads it next."""
    unstamped(sent)
    _whole(sent, v1(sent))
    assert len(read) == 2
    _, entry = entries(sent, "layer.verified")  # the first is of its laying
    assert Host(str(sent.layout.path)).journal.state.stamps["deps-3"] == entry["stamp"]
    _whole(sent, v1(sent))
    assert len(read) == 2


def test_a_layer_with_a_stamp_is_not_believed_after_an_edit_that_hides(sent: Host) -> None:
    """The time of an edit is what a tool that means well puts back, root's as well."""
    _whole(sent, v1(sent))
    hide(sent.layout.layer("deps-3") / "node_modules/a/index.js")
    stamps.settle()  # old enough for a stamp, which what is hurt never gets

    with pytest.raises(StoreError, match="changed: node_modules/a/index"):
        _whole(sent, v1(sent))
    assert len(entries(sent, "layer.verified")) == 1  # of its laying


def test_a_layer_that_shares_contents_with_a_new_one_is_hashed_and_stamped_anew(
    sent: Host, read: list[str]
) -> None:
    """The new one's links changed the ctimes."""
    more: Tree = {**LAYER, "node_modules/c/index.js": b"3"}
    send(sent, more)
    lay(sent, "deps-4", more)
    stamps.settle()
    _whole(sent, v1(sent))
    assert len(read) == 2
    assert [entry["key"] for entry in entries(sent, "layer.verified")] == ["deps-3", "deps-4", "deps-3"]
    _whole(sent, v1(sent))
    assert len(read) == 2


def test_of_a_layer_that_shares_contents_with_code_these_are_hashed(sent: Host, read: list[str]) -> None:
    """As Prisma's copy of the schema: each staging links it once more. An edit that hides is found in it as well."""
    content = sent.layout.blob(sha(b"1"))
    os.link(content, sent.layout.releases / "schema")
    stamps.settle()
    _whole(sent, v1(sent))
    assert [path.rpartition("deps-3/")[2] for path in read] == ["node_modules/a/index.js"]
    _whole(sent, v1(sent))
    assert len(read) == 1

    hide(content)
    stamps.settle()
    for _ in "12":
        with pytest.raises(StoreError, match="changed: node_modules/a/index"):
            _whole(sent, v1(sent))


def test_contents_that_came_just_now_are_stamped_at_the_first_rollback(
    sent: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit between hashing and linking could not be told from their coming."""
    other: Tree = {"node_modules/d/index.js": b"4"}
    send(sent, other)
    monkeypatch.setattr(stamps, "TICK", 3600 * stamps.SECOND)
    lay(sent, "deps-5", other)
    assert "deps-5" in sent.journal.state.layers
    assert "deps-5" not in sent.journal.state.stamps


def test_a_deployer_that_leaves_is_not_kept_for_a_stamp(
    sent: Host, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No tree is looked at. The layer is in the journal all the same, and the first rollback hashes it."""
    looked: list[object] = []
    with monkeypatch.context() as patched:
        patched.setattr(stamps, "look", lambda *args: looked.append(args))
        sent.leaving.set()
        lay(sent, "deps-5")
    assert looked == []
    assert "deps-5" in sent.journal.state.layers
    assert "deps-5" not in sent.journal.state.stamps
    sent.journal.append("release.prepared", "d", release="v1", dependencies="deps-5")
    _whole(sent, v1(sent))
    assert len(read) == 2


def test_a_rollback_goes_on_where_no_stamp_can_be_written_or_taken(
    sent: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a convenience; all of the layer was hashed, and what is wrong with it is found."""
    unstamped(sent)
    append = sent.journal.append

    def full(*_: object, **__: object) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sent.journal, "append", full)
    _whole(sent, v1(sent))
    monkeypatch.setattr(sent.journal, "append", append)
    monkeypatch.setattr(stamps.proc, "boot_id", full)
    _whole(sent, v1(sent))
    lay(sent, "deps-6")
    assert not {"deps-3", "deps-6"} & set(sent.journal.state.stamps)
    edit(sent.layout.layer("deps-3") / "node_modules/a/index.js")
    with pytest.raises(StoreError, match="changed: node_modules/a/index"):
        _whole(sent, v1(sent))


def test_a_check_hashes_in_spite_of_stamps_and_none_is_believed_after_what_it_found(
    sent: Host, read: list[str]
) -> None:
    """The kernel knows nothing of a disk that forgot: no time of the file changed. And the journal is not written."""
    index = sent.layout.layer("deps-3") / "node_modules/a/index.js"
    index.write_bytes(b"3")
    stamps.settle()
    rotten = stamps.look(sent.layout.layer("deps-3"))
    assert rotten
    sent.journal.append("layer.verified", "d", key="deps-3", stamp=rotten.stamp())
    sent.journal.append("release.blessed", "d", release="v1")
    _whole(sent, v1(sent))
    assert read == []
    journal = sent.layout.journal.read_bytes()

    found = Checkup(sent.layout, sent.journal.state, {}).look()["findings"]

    assert any("changed: node_modules/a/index.js" in one["why"] for one in found if one["what"] == "layer")
    assert sent.layout.journal.read_bytes() == journal
    with pytest.raises(StoreError, match="changed: node_modules/a/index"):
        _whole(sent, v1(sent))
