"""What a host offers to another one: all of it must be there to be given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.turnout_host.goods import Tree, contents, sha, stream, text
from turnout_host.calls import goods, offering
from turnout_host.host import Args, Host

TREE: Tree = {"package.json": b"{}", "dist/server.js": b"1"}
LAYER: Tree = {"node_modules/a/index.js": b"2"}


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Host]:
    """v1 runs on Node that was shipped and on dependencies that this host made by commands."""
    made = Host(str(tmp_path / "app"))
    made.lease.acquire(lambda: 0, {"deployment": "d"}, 0.0, lambda _: None)
    made.deployment = "d"
    for tree in (TREE, LAYER):
        made.store.keep_text(text(tree).encode())
        made.store.receive(stream(contents(tree)), "zstd")
    artifact = {"manifest": digest(TREE), "artifact": digest(TREE), "revision": "r", "by": "a", "shared": []}
    call(goods.call_stage, made, deployment="d", **artifact)
    call(goods.call_lay_layer, made, key="node-20", manifest=digest(LAYER))
    commands, inputs = ["mkdir -p node_modules/b && echo 3 > node_modules/b/index.js"], ["package.json"]
    call(
        goods.call_make_layer,
        made,
        key="deps-1",
        release="v1",
        commands=commands,
        inputs=inputs,
        toolchain={},
    )
    toolchain = {"node": "node-20", "pm2": None}
    made.journal.append("release.prepared", "d", release="v1", dependencies="deps-1", toolchain=toolchain)
    yield made
    made.lease.release()


def digest(tree: Tree) -> str:
    return sha(text(tree).encode())


def call(what: Any, there: Host, **args: Any) -> Any:
    return what(there, Args(args), lambda _: None)


def test_a_layer_that_was_made_by_commands_is_not_offered(there: Host) -> None:
    """Its manifest is known, but its contents never were in the store: production makes its own."""
    assert there.journal.state.layers["deps-1"]

    assert list(call(offering.call_offer, there, release="v1")["layers"]) == ["node-20"]
