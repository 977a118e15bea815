from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.turnout_host.site import pm2_folder
from turnout_host.errors import UsageError
from turnout_host.layout import Layout
from turnout_host.toolchain import Toolchain, package_version


@pytest.fixture
def layout(tmp_path) -> Layout:
    made = Layout(str(tmp_path / "app"))
    made.prepare()
    return made


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_layers(layout):
    """With keys, Node and PM2 are those of the layers, and their folders come first in PATH."""
    node = program(layout.layers / "node-20/bin/node")
    script = program(layout.layers / "pm2-7/node_modules/pm2/bin/pm2")
    toolchain = Toolchain(layout, "node-20", "pm2-7", "")
    assert toolchain.node == str(node)
    assert toolchain.pm2 == [str(node), str(script)]
    assert toolchain.dirs == [str(node.parent)]
    assert toolchain.env(PM2_HOME="/p")["PATH"].startswith(f"{node.parent}:/usr/local/sbin")
    assert toolchain.env(PM2_HOME="/p")["PM2_HOME"] == "/p"


@pytest.mark.parametrize("as_list", [True, False])
def test_the_hosts_own(layout, tmp_path, as_list):
    """Without keys they are found in the login shell's PATH, given as text or as folders."""
    node = program(tmp_path / "nvm/node")
    (tmp_path / "bin").mkdir()
    pm2 = tmp_path / "bin/pm2"
    pm2.symlink_to(pm2_folder() / "node_modules/pm2/bin/pm2")
    folders = ["relative", str(node.parent), str(pm2.parent)]
    toolchain = Toolchain(layout, None, None, folders if as_list else os.pathsep.join(folders))
    assert toolchain.node == str(node)
    assert toolchain.pm2 == [str(node), os.path.realpath(pm2)]
    assert toolchain.dirs[:2] == [str(node.parent), str(pm2.parent)]


def test_a_shim_is_run_as_it_is(layout, tmp_path):
    """A version manager's pm2 is a program of its own and is not given to Node."""
    pm2 = program(tmp_path / "shims/pm2")
    program(tmp_path / "shims/node")
    assert Toolchain(layout, None, None, [str(pm2.parent)]).pm2 == [str(pm2)]


@pytest.mark.parametrize("keys", [(None, None), ("node-20", None), (None, "pm2-7")])
def test_nothing_there(layout, tmp_path, keys):
    """A host without the tools, or a layer that is not whole, is said with what to do."""
    with pytest.raises(UsageError) as caught:
        _ = Toolchain(layout, *keys, [str(tmp_path)]).pm2
    assert caught.value.detail["remedy"]


def test_version_of_a_package_without_running_it():
    """PM2's version is read: asking it would start a daemon."""
    script = str(pm2_folder() / "node_modules/pm2/bin/pm2")
    assert package_version(script, "pm2") == "7.0.4"
    assert package_version(script, "npm") is None
    assert package_version("/bin/sh", "pm2") is None


def test_our_own_links_are_not_the_hosts(tmp_path):
    """`toolchain = "host"` after a shipped deploy: the links in ~/.local/bin lead back into the layers."""
    layout = Layout(str(tmp_path / "app"))
    layer, mine, own = layout.layers / "node-20/bin", tmp_path / "local", tmp_path / "own"
    for folder in (layer, mine, own):
        folder.mkdir(parents=True)
    (layer / "node").symlink_to("/bin/true")
    (mine / "node").symlink_to(layer / "node")
    with pytest.raises(UsageError, match="this host has no node"):
        assert Toolchain(layout, None, None, f"{mine}").node
    (own / "node").symlink_to("/bin/true")
    assert Toolchain(layout, None, None, f"{mine}:{own}").node == f"{own}/node"
    assert Toolchain(layout, None, None, f"{mine}:{own}").dirs == [str(own)]
