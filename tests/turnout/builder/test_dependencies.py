from __future__ import annotations

import json

import pytest

from turnout.builder import build, dependencies
from turnout.config.schema import Build, Dependencies
from turnout.errors import BuildError, PackageError

PLATFORM, GENERATE = "linux-x64-glibc", "npx --no-install prisma generate"


async def _make(app, **tables):
    config = app.config(**tables)
    return await dependencies.make(app.cache, app.source, config, app.toolchain, PLATFORM, env=app.env)


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
    """One `npm ci` instead of two; the cache's own node_modules stay whole."""
    await build.build(app.cache, app.checkout(), app.config(), app.toolchain, env=app.env)
    app.ran()
    tree = await _make(app)
    assert app.ran() == ["npm prune --omit=dev", "npx --no-install prisma generate"]
    assert {"node_modules/x/package-lock.json", "node_modules/.prisma/schema.prisma"} <= {
        entry.path for entry in tree.manifest.entries
    }
    (kept,) = (app.cache.root / "installs").iterdir()
    assert (kept / "node_modules/typescript").exists()
    assert not (tree.folder / "node_modules/typescript").exists()


@pytest.mark.parametrize(
    "tables",
    [
        {"dependencies": Dependencies(commands=("npm ci --omit=dev",))},
        {"dependencies": Dependencies(commands=("npm ci --omit=dev --omit=optional", GENERATE))},
        {"build": Build(install=("npm ci --include=optional", GENERATE))},
        {
            "build": Build(install=("npm ci", "true")),
            "dependencies": Dependencies(commands=("npm ci --omit=dev", "true")),
        },
    ],
)
async def test_commands_that_differ_in_more_are_run_as_written(app, tables):
    """Another option, no `generate`, an unknown command: what the build installed may be something else."""
    await build.build(app.cache, app.checkout(), app.config(**tables), app.toolchain, env=app.env)
    app.ran()
    await _make(app, **tables)
    assert app.ran()[0] == app.config(**tables).dependencies.commands[0]


async def test_an_install_script_of_the_app_prevents_the_pruning(app):
    """It may read and write anything, and the layer's commands see only their inputs."""
    app.write("package.json", json.dumps({"name": "app", "scripts": {"postinstall": "node setup.js"}}))
    await build.build(app.cache, app.checkout(), app.config(), app.toolchain, env=app.env)
    app.ran()
    await _make(app)
    assert app.ran()[0] == "npm ci --omit=dev"


async def test_another_lock_file_is_not_made_of_an_old_installation(app):
    """The installation is looked up by its inputs."""
    await build.build(app.cache, app.checkout(), app.config(), app.toolchain, env=app.env)
    app.write("package-lock.json", '{"another": 1}')
    app.ran()
    await _make(app)
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
