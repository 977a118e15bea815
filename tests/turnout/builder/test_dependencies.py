from __future__ import annotations

import json

import pytest

from turnout.builder import dependencies, pruning
from turnout.config.schema import Dependencies
from turnout.errors import BuildError, PackageError

PLATFORM = "linux-x64-glibc"


async def _make(app, modules=None, **tables):
    config = app.config(**tables)
    return await dependencies.make(app.cache, app.source, config, app.toolchain, modules, env=app.env)


async def test_the_layer_is_node_modules_and_nothing_else(app):
    """Made from the inputs alone, once per key."""
    tree = await _make(app)
    assert app.ran() == ["npm ci --omit=dev", "npx --no-install prisma generate"]
    assert _names(tree.folder) == ["node_modules"]
    assert _names(tree.folder.parent) == [".size", "manifest", "tree"]
    assert (tree.folder / "node_modules/.prisma/schema.prisma").exists()
    assert [entry.path for entry in tree.manifest.entries][:2] == ["node_modules", "node_modules/.prisma"]
    assert (await _make(app)).digest == tree.digest
    assert app.ran() == []
    assert not (app.source / "node_modules").exists()


async def test_commands_see_only_the_inputs(app):
    """A file that is not named fails here, and not on a server that lacks it."""
    with pytest.raises(BuildError, match="cat src"):
        await _make(app, dependencies=Dependencies(commands=("cat src.ts",)))
    assert not any((app.cache.root / "layers").glob("*"))


async def test_a_prisma_that_is_only_a_dev_dependency_is_added(app):
    """At the lock file's version: migrations on a host need it."""
    app.write(
        "package-lock.json",
        json.dumps({"packages": {"node_modules/prisma": {"version": "6.19.3", "dev": True}}}),
    )
    tree = await _make(app)
    assert app.ran()[1] == "npm install --no-save --omit=dev prisma@6.19.3"
    assert (tree.folder / "node_modules/prisma/asked").exists()


async def test_no_dependencies_are_an_empty_folder(app):
    """The link of a release has something to lead to."""
    tree = await _make(app, dependencies=Dependencies(commands=()))
    assert [entry.path for entry in tree.manifest.entries] == ["node_modules"]


async def test_a_link_out_of_the_layer_is_refused(app):
    """A workspace links to a folder that no host has."""
    with pytest.raises(PackageError, match="node_modules/shared leaves the tree"):
        await _make(
            app,
            dependencies=Dependencies(
                commands=("mkdir node_modules; ln -s ../../shared node_modules/shared",)
            ),
        )


async def test_what_the_build_installed_is_pruned(app):
    """One `npm ci` instead of two; what was given stays whole."""
    app.lock({"node_modules/x": {}})
    modules = app.tmp / "installed/node_modules"
    (modules / "typescript").mkdir(parents=True)
    (modules / "x").mkdir()
    (modules / "x/index.js").write_text("x")
    tree = await _make(app, modules)
    assert app.ran() == [pruning.COMMAND, "npx --no-install prisma generate"]
    assert _names(tree.folder / "node_modules") == [".prisma", "x"]
    assert _names(modules) == ["typescript", "x"]


async def test_without_a_lock_file_among_the_inputs_nothing_is_pruned(app):
    """A prune would go by what is there; `npm ci` says what is missing."""
    with pytest.raises(BuildError):
        await _make(app, app.source, dependencies=Dependencies(inputs=("package.json",)))
    assert app.ran()[0] == "npm ci --omit=dev"


@pytest.mark.parametrize(
    "path", ["package.json", "package-lock.json", "prisma/schema.prisma", "prisma.config.ts", ".npmrc"]
)
def test_each_input_makes_a_new_key(app, path):
    """Each file of the list, and the .npmrc that npm reads by itself."""
    before = dependencies.key(app.source, app.config(), "20.20.2", PLATFORM)
    app.write(path, '{"name": "changed"}')
    assert dependencies.key(app.source, app.config(), "20.20.2", PLATFORM) != before


def test_what_else_is_in_the_key(app):
    """Commands, Node's major, the host's platform; not the code."""
    config = app.config()
    key = dependencies.key(app.source, config, "20.20.2", PLATFORM)
    app.write("src.ts", "changed")
    assert dependencies.key(app.source, config, "20.1.0", PLATFORM) == key
    others = {
        dependencies.key(app.source, config, "22.1.0", PLATFORM),
        dependencies.key(app.source, config, "20.20.2", "linux-arm64-glibc"),
        dependencies.key(
            app.source, app.config(dependencies=Dependencies(commands=("npm ci",))), "20.20.2", PLATFORM
        ),
    }
    assert len(others | {key}) == 4


def _names(folder):
    return sorted(path.name for path in folder.iterdir())
