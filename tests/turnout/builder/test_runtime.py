from __future__ import annotations

import json
import re
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from turnout.builder import registry, runtime
from turnout.builder.cache import Cache
from turnout.errors import UsageError


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


async def test_the_registry_is_asked_once_and_then_kept(cache, monkeypatch):
    """A later deploy gets the same Node, until --update-runtime asks anew."""
    answers = [["20.1.0"], ["20.1.0", "20.2.0"]]

    async def versions(package: str, cwd: Path) -> list[str]:
        return answers.pop(0)

    monkeypatch.setattr(registry, "versions", versions)
    chosen = [(await runtime.choose(cache, "20", None, "22.1.0")).version for _ in range(2)]
    assert chosen == ["20.1.0", "20.1.0"]
    assert (await runtime.choose(cache, "20", "20.1.0", "20.1.0", update=True)).version == "20.2.0"
    assert (await runtime.choose(cache, "20", None, None)).version == "20.2.0"
    assert (await runtime.choose(cache, "20", "20.0.1", None)).version == "20.0.1"


async def test_the_own_toolchain_is_used_when_it_is_the_right_one(cache, tmp_path, monkeypatch):
    """Nothing is fetched for a Node that is there."""
    (tmp_path / "node").write_text("#!/bin/sh\necho v20.1.0\n")
    (tmp_path / "npm").touch()
    for name in ("node", "npm"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert await runtime.own_version() == "20.1.0"
    assert await runtime.own_toolchain(cache, "20.1.0") == []


async def test_without_node_there_is_no_own_version(monkeypatch):
    """A machine without Node is fine: it is fetched."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert await runtime.own_version() is None


@pytest.mark.parametrize("target", ["linux-x64-musl", "darwin-arm64", "freebsd-x64"])
async def test_a_platform_without_an_official_node_is_refused(cache, target):
    """The remedy is to bring one's own."""
    with pytest.raises(UsageError, match=f"no official Node for {target}") as refused:
        await runtime.node_layer(cache, "20.1.0", target)
    assert 'toolchain = "host"' in refused.value.remedy[0]


async def test_a_version_that_does_not_exist_is_refused(cache, monkeypatch):
    """A typo in turnout.toml is the user's error, and leaves nothing."""

    async def versions(package: str, cwd: Path) -> list[str]:
        return ["20.1.0"]

    monkeypatch.setattr(registry, "versions", versions)
    with pytest.raises(UsageError, match=r"no Node 20\.99\.0"):
        await runtime.node_layer(cache, "20.99.0", "linux-x64-glibc")
    assert _names(cache.root / "tmp") == []


def test_this_platform_has_the_form_of_the_protocol():
    """docs/protocol.md, facts."""
    assert re.fullmatch(r"linux-(x64|arm64)-(glibc|musl)|darwin-\w+", runtime.own_platform())


def test_the_lock_of_pm2_names_no_registry():
    """Every mirror can serve it, checked by the digests; PM2 is the pinned one."""
    text = (resources.files("turnout.builder") / "pm2/package-lock.json").read_text()
    packages = {path: entry for path, entry in json.loads(text)["packages"].items() if path}
    assert "resolved" not in text
    assert packages["node_modules/pm2"]["version"] == runtime.PM2
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())


@pytest.mark.integration
async def test_node_and_pm2_come_from_the_registry(cache):
    """The layers run as they are, wherever they lie: node, npm, npx and pm2 without anything else."""
    version = "20.20.2"
    node, pm2 = (
        await runtime.node_layer(cache, version, runtime.own_platform()),
        await runtime.pm2_layer(cache),
    )
    assert re.fullmatch(r"node-20\.20\.2-linux-(x64|arm64)", node.key)
    assert re.fullmatch(r"pm2-7\.0\.4-[0-9a-f]{8}", pm2.key)
    env = {"PATH": f"{node.folder / 'bin'}:/usr/bin:/bin", "HOME": str(cache.root)}

    def say(*argv: str) -> str:
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout.strip()

    assert say("node", "--version") == f"v{version}"
    assert say("npm", "--version") == say("npx", "--version") == runtime.NPM[20]
    script = "process.stdout.write(require(process.argv[1] + '/node_modules/pm2/package.json').version)"
    assert say("node", "-e", script, str(pm2.folder)) == runtime.PM2
    assert (pm2.folder / "node_modules/pm2/bin/pm2").exists()
    assert (await runtime.own_toolchain(cache, version)) in ([], [node.folder / "bin"])


def _names(folder):
    return sorted(path.name for path in folder.iterdir())
