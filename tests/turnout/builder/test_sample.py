"""The sample app, by real git, npm, Prisma and tsc."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from turnout.builder import dependencies, runtime
from turnout.builder.build import Toolchain, build
from turnout.builder.cache import Cache
from turnout.config.schema import Config, Environment
from turnout.source.git import Repository

SAMPLE = Path(__file__).parents[3] / "examples/blue-video-backend"
PERSON = ["-c", "user.name=a", "-c", "user.email=a@example.com"]


CONFIG = Config(
    app="blue",
    source="backend",
    environments={"production": Environment(name="production", path="/srv/app")},
)


def _repository(folder: Path) -> Path:
    repo, ignored = folder / "repo", shutil.ignore_patterns("node_modules", "dist", "logs", ".env", "*.db")
    shutil.copytree(SAMPLE, repo / "backend", ignore=ignored)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=repo, check=True)
    _commit(repo, "one")
    return repo


def _commit(repo: Path, subject: str) -> None:
    for args in (["add", "-A"], [*PERSON, "commit", "-q", "-m", subject]):
        subprocess.run(["git", *args], cwd=repo, check=True)


@pytest.mark.integration
async def test_the_sample_from_revision_to_artifact(tmp_path):
    """The first build makes all; a code change runs tsc only; the production layer can load the app's client."""
    repo, cache, lines = _repository(tmp_path), Cache(tmp_path / "cache"), []
    toolchain = Toolchain(await runtime.own_version() or "")

    async def run():
        found = await Repository.find(repo)
        with cache.workspace() as folder:
            checkout = await found.checkout(await found.resolve("HEAD", "backend"), folder, "backend")
            built = await build(cache, checkout, CONFIG, toolchain, lines.append)
            layer = await dependencies.make(cache, checkout.source, CONFIG, toolchain, on_line=lines.append)
        return built, layer

    first, layer = await run()
    assert not first.reused
    paths = {entry.path for entry in first.artifact.manifest.entries}
    assert {
        "dist/server-local.js",
        "prisma/schema.prisma",
        "prisma.config.ts",
        "ecosystem.config.js",
        ".env.example",
    } <= paths
    assert (layer.folder / "node_modules/prisma/package.json").exists()
    assert not (layer.folder / "node_modules/@types/express").exists()

    lines.clear()
    again, same = await run()
    assert again.reused
    assert lines == []
    assert same == layer

    with (repo / "backend/src/server-local.ts").open("a") as file:
        file.write("\nexport const changed = 1;\n")
    _commit(repo, "two")
    second, same = await run()
    assert (second.reused, second.install_reused, same.key) == (False, True, layer.key)
    changed = set(second.artifact.manifest.entries) ^ set(first.artifact.manifest.entries)
    assert {entry.path for entry in changed} == {"dist/server-local.js"}

    release = tmp_path / "release"
    shutil.copytree(second.artifact.folder, release)
    (release / "node_modules").symlink_to(layer.folder / "node_modules")
    script = "require('@prisma/client').PrismaClient.name; require('express'); console.log('loads')"
    out = subprocess.run(
        ["node", "-e", script], cwd=release, capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert out.stdout == "loads\n"


@pytest.mark.integration
async def test_the_pruned_layer_is_the_one_that_npm_ci_makes(tmp_path):
    """To the last byte but for Prisma's client, which names the folder that it was generated in."""
    repository, folder = await Repository.find(_repository(tmp_path)), tmp_path / "tree"
    folder.mkdir()
    checkout = await repository.checkout(await repository.resolve("HEAD", "backend"), folder, "backend")
    toolchain, installed = Toolchain(await runtime.own_version() or ""), []
    await build(Cache(tmp_path / "cache"), checkout, CONFIG, toolchain, on_installed=installed.append)
    trees, said = [], []
    for name, modules in (("pruned", installed[0]), ("plain", None)):
        cache, lines = Cache(tmp_path / name), []
        layer = await dependencies.make(cache, checkout.source, CONFIG, toolchain, modules, lines.append)
        trees.append({entry.path: entry for entry in layer.manifest.entries})
        said.append("\n".join(lines))
    assert "removed" in said[0]
    assert "added" in said[1]
    assert trees[0].keys() == trees[1].keys()
    differ = {path for path, entry in trees[0].items() if trees[1][path] != entry}
    assert {path.rpartition("/")[0] for path in differ} <= {"node_modules/.prisma/client"}
