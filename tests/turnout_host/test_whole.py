"""What a rollback's target is made of is hashed before it is activated, dependencies that were made here as well."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.turnout_host.goods import Tree, contents, pack, sha, stream, text
from turnout_host.calls import goods
from turnout_host.calls.switching import _whole
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
    made.store.keep_manifest(pack(text(TREE)), DIGEST)
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
