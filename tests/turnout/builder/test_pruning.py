"""When the production layer is made of what the build installed, and when its commands are run as written."""

from __future__ import annotations

import json

import pytest

from turnout.builder.pruning import prunes
from turnout.config.schema import Build, Dependencies

GENERATE = "npx --no-install prisma generate"
PACKAGES = {
    "node_modules/x": {"bin": {"x": "x.js"}},
    "node_modules/tsc": {"dev": True, "bin": {"tsc": "tsc.js"}},
}


def test_the_usual_commands_prune(app):
    """Those that `turnout init` writes."""
    app.lock(PACKAGES)
    assert prunes(app.source, app.config())


@pytest.mark.parametrize(
    "tables",
    [
        {"dependencies": Dependencies(commands=("npm ci --omit=dev",))},
        {"dependencies": Dependencies(commands=("npm ci --omit=dev --omit=optional", GENERATE))},
        {"dependencies": Dependencies(commands=())},
        {"build": Build(install=("npm ci --include=optional", GENERATE))},
        {"build": Build(install=())},
        {
            "build": Build(install=("npm ci", "node more.js")),
            "dependencies": Dependencies(commands=("npm ci --omit=dev", "node more.js")),
        },
    ],
)
def test_commands_that_differ_in_more_do_not(app, tables):
    """Another option, no `generate`, an unknown command: what the build installed may be something else."""
    app.lock(PACKAGES)
    assert not prunes(app.source, app.config(**tables))


@pytest.mark.parametrize(
    "script, expected", [("husky", False), ("husky || true", True), ("node a.js", False)]
)
def test_a_script_of_the_app_that_may_fail_without_dev_dependencies_does_not(app, script, expected):
    """`npm ci --omit=dev` would run it, and fail; a prune runs none."""
    app.lock(PACKAGES)
    app.write("package.json", json.dumps({"name": "app", "scripts": {"prepare": script}}))
    assert prunes(app.source, app.config()) is expected


@pytest.mark.parametrize(
    "packages",
    [
        {},
        {"node_modules/left": {"extraneous": True}},
        {"node_modules/also-x": {"dev": True, "bin": {"x": "other.js"}}},
        {"node_modules/hurt": "no table"},
    ],
)
def test_a_lock_file_that_prune_reads_otherwise_does_not(app, packages):
    """No list of packages (its first form), one that nobody needs, one program from two packages."""
    app.lock({**PACKAGES, **packages} if packages else {})
    assert not prunes(app.source, app.config())


def test_an_app_without_node_does_not(app):
    """It has no package.json to look at."""
    (app.source / "package.json").unlink()
    tables = {"build": Build(install=()), "dependencies": Dependencies(commands=())}
    assert not prunes(app.source, app.config(**tables))
