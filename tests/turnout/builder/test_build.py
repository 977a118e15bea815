from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.builder import runtime
from turnout.builder.build import Toolchain, build, build_key
from turnout.config.schema import Build, Config, Environment, Package, Processes
from turnout.errors import BuildError, PackageError
from turnout.source.checkout import Checkout

INSTALL = ["npm ci", "npx --no-install prisma generate"]


async def _build(app, tree="t1", **more):
    return await build(
        app.cache, app.checkout(tree), more.pop("config", app.config()), app.toolchain, env=app.env | more
    )


async def test_the_first_build_runs_everything(app):
    """Install, then the app's commands; the artifact is what the list chooses, with a manifest."""
    built = await _build(app)
    assert app.ran() == [*INSTALL, "npm run build"]
    assert (built.reused, built.install_reused) == (False, False)
    paths = [entry.path for entry in built.artifact.manifest.entries if entry.kind == "f"]
    assert paths == [
        "dist/server.js",
        "ecosystem.config.js",
        "package-lock.json",
        "package.json",
        "prisma/schema.prisma",
    ]
    assert (built.artifact.folder / "dist/server.js").read_text() == "src.ts"


async def test_the_same_inputs_run_nothing(app):
    """A second build of the same takes the artifact as it is, in another checkout."""
    first = await _build(app)
    app.ran()
    app.fresh()
    second = await _build(app)
    assert app.ran() == []
    assert second.reused
    assert (second.artifact.key, second.artifact.digest) == (first.artifact.key, first.artifact.digest)


async def test_a_code_change_keeps_the_install(app):
    """Only the build commands run; what the install made elsewhere is there again too."""
    await _build(app)
    app.ran()
    app.fresh()
    app.write("src.ts", "new")
    built = await _build(app, "t2")
    assert app.ran() == ["npm run build"]
    assert (built.reused, built.install_reused) == (False, True)
    assert (built.artifact.folder / "dist/server.js").read_text() == "new"
    assert (app.source / "made-by-install").exists()
    assert (app.source / "node_modules").is_symlink()


async def test_it_is_told_what_was_installed_before_the_build_commands_run(app):
    """The production dependencies are made of it beside them, so they get a copy to write into."""
    app.lock({"node_modules/x": {}})
    told = []
    around = (app.cache, app.checkout(), app.config(), app.toolchain)
    await build(*around, env=app.env, on_installed=lambda modules: told.append((modules, app.ran())))
    (kept,) = (app.cache.root / "installs").iterdir()
    assert told == [(kept / "node_modules", INSTALL)]
    assert app.ran() == ["npm run build"]
    assert not (app.source / "node_modules").is_symlink()


async def test_an_installation_that_was_kept_is_not_told(app):
    """An earlier build may have written into it."""
    app.lock({"node_modules/x": {}})
    await _build(app)
    app.fresh()
    app.lock({"node_modules/x": {}})
    app.write("src.ts", "new")
    told = []
    around = (app.cache, app.checkout("t2"), app.config(), app.toolchain)
    assert (await build(*around, env=app.env, on_installed=told.append)).install_reused
    assert told == [None]
    assert (app.source / "node_modules").is_symlink()


async def test_the_environment_of_commands(app):
    """node_modules/.bin, then the toolchain, then the caller's PATH; no secret of Turnout's own."""
    app.toolchain = Toolchain("20.20.2", [app.tmp / "node/bin"])
    config = app.config(build=Build(install=(), commands=("mkdir dist; env > dist/env",)))
    built = await _build(app, config=config, VPS_SSH_KEY="secret")
    env = dict(line.split("=", 1) for line in (built.artifact.folder / "dist/env").read_text().splitlines())
    assert env["PATH"].split(":")[:2] == [str(app.source / "node_modules/.bin"), str(app.tmp / "node/bin")]
    assert "VPS_SSH_KEY" not in env


async def test_prisma_only_where_there_is_a_schema(app):
    """Without a schema there is nothing to generate."""
    (app.source / "prisma/schema.prisma").unlink()
    await _build(app)
    assert app.ran() == ["npm ci", "npm run build"]


async def test_a_missing_lock_file_is_told_before_npm_runs(app):
    """`npm ci` would refuse with a page of text."""
    (app.source / "package-lock.json").unlink()
    with pytest.raises(BuildError, match=r"has no package-lock\.json"):
        await _build(app)
    assert app.ran() == []


async def test_a_failed_command_leaves_nothing_behind(app):
    """The next try runs it again; the install that succeeded is kept."""
    config = app.config(build=Build(commands=("npm run build", "false")))
    with pytest.raises(BuildError, match="`false` exited with 1"):
        await _build(app, config=config)
    app.ran()
    app.fresh()
    with pytest.raises(BuildError):
        await _build(app, config=config)
    assert app.ran() == ["npm run build"]
    assert not any((app.cache.root / "artifacts").glob("*"))
    assert _names(app.cache.root / "tmp") == []


async def test_a_build_without_a_dist_is_a_package_error(app):
    """Exit 12, and the next try builds again."""
    with pytest.raises(PackageError, match="made no dist"):
        await _build(app, config=app.config(build=Build(commands=("true",))))


async def test_a_build_that_writes_into_node_modules_gets_a_copy(app):
    """A build script that generates or installs must not change what other builds use."""
    app.write("package.json", '{"scripts": {"build": "prisma generate && tsc"}}')
    config = app.config(
        build=Build(commands=("npm run build", "echo hurt > node_modules/x/package-lock.json"))
    )
    await _build(app, config=config)
    assert not (app.source / "node_modules").is_symlink()
    kept = next((app.cache.root / "installs").glob("*/node_modules/x/package-lock.json"))
    assert kept.read_text() == "{}"


BASE = Config(
    app="app", source="backend", environments={"production": Environment(name="production", path="/srv")}
)
CHANGES = {
    "tree": {"tree": "t2"},
    "source": {"config": {"source": "api"}},
    "install": {"config": {"build": {"install": ("npm ci --foo",)}}},
    "commands": {"config": {"build": {"commands": ("npm run bundle",)}}},
    "env name": {"config": {"build": {"env": ("FLAVOUR", "OTHER")}}},
    "env value": {"env": "b"},
    "include": {"config": {"package": Package(include=("dist",))}},
    "processes": {"config": {"processes": Processes(config="pm2.config.js")}},
    "node": {"node": "20.20.1"},
    "platform": {"platform": "linux-arm64-glibc"},
}


def _key(changes: frozenset[str], tmp_path) -> str:
    values = {"tree": "t1", "env": "a", "node": "20.20.2", "platform": "linux-x64-glibc"}
    tables: dict[str, object] = {}
    settings = {"env": ("FLAVOUR",)}
    for name in sorted(changes):
        for what, value in CHANGES[name].items():
            if what != "config":
                values[what] = value
            elif "build" in value:
                settings |= value["build"]
            else:
                tables |= value
    config = BASE.model_copy(update={**tables, "build": Build(**settings)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "own_platform", lambda: values["platform"])
        checkout = Checkout(tmp_path, tmp_path, values["tree"])
        return build_key(checkout, config, Toolchain(values["node"]), {"FLAVOUR": values["env"]})


@given(
    one=st.frozensets(st.sampled_from(sorted(CHANGES))), other=st.frozensets(st.sampled_from(sorted(CHANGES)))
)
def test_every_input_is_in_the_key(tmp_path_factory, one, other):
    """Two builds have the same key exactly when all their inputs are the same."""
    root = tmp_path_factory.getbasetemp()
    assert (_key(one, root) == _key(other, root)) == (one == other)


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_each_input_alone_makes_a_new_key(tmp_path, change):
    """In turn, so that a forgotten one has a name."""
    assert _key(frozenset([change]), tmp_path) != _key(frozenset(), tmp_path)


def test_values_of_variables_are_not_in_the_key_as_text(tmp_path):
    """Keys are file names, and travel in events."""
    assert "FLAVOUR" not in _key(frozenset(), tmp_path)
    assert _key(frozenset(), tmp_path).startswith("build-")


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["folder", "link"])
async def test_a_committed_node_modules_is_no_obstacle(app, kind):
    """A bad habit, replaced by what the lock file says."""
    await _build(app)
    app.fresh()
    if kind == "folder":
        app.write("node_modules/x/old.js", "old")
    else:
        (app.source / "node_modules").symlink_to(app.tmp)
    built = await _build(app, "t2")
    assert built.install_reused
    assert (app.source / "node_modules/x/package-lock.json").exists()
    assert not (app.source / "node_modules/x/old.js").exists()
    assert (app.tmp / "bin").exists()
