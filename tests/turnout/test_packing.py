"""`turnout package`: one file, made without any host."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.turnout.source.conftest import Played
from turnout import config
from turnout.cli.main import run
from turnout.events import Bus
from turnout.model import DeployOptions
from turnout.packing import pack

TOML = """\
app = "api"
[environments.production]
path = "/srv/api"
[build]
install = []
commands = []
[package]
include = ["package.json", "ecosystem.config.js"]
[dependencies]
commands = []
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed app that needs no npm; its environment names no host."""
    played = Played(tmp_path / "app")
    played.git("init", "-q", "-b", "main")
    played.write("package.json", '{"name": "api"}\n')
    played.write("ecosystem.config.js")
    played.commit("one")
    (played.root / "turnout.toml").write_text(TOML)
    monkeypatch.setenv("TURNOUT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VPS_HOST", raising=False)
    return played.root


async def test_no_host_need_be_named(app: Path) -> None:
    """What is committed and the production dependencies, in one file."""
    read = config.load(None, app)
    done = await pack(read, read.environment(None), DeployOptions("HEAD"), Bus("package"), app / "out.tar.gz")

    with tarfile.open(done.file) as archive:
        assert archive.getnames() == ["ecosystem.config.js", "node_modules", "package.json"]


@pytest.mark.parametrize("out", ["nowhere/out.tar.gz", "."])
def test_a_place_that_cannot_be_is_told_before_the_build(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    """Exit 12 at once, not after a minute."""
    monkeypatch.chdir(app)
    monkeypatch.setattr("turnout.packing.pack", None)

    assert run(["package", "--out", out]) == 12
    assert "cannot be written" in capsys.readouterr().err
