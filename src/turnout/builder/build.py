"""Revision to artifact: install, the app's build commands, the selected files; nothing at all if it was done before."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.artifact import tree
from turnout.artifact.package import package
from turnout.artifact.tree import Tree
from turnout.builder import commands, disk, incremental, inputs, install, runtime
from turnout.builder.pruning import prunes

if TYPE_CHECKING:
    from turnout.builder.cache import Cache
    from turnout.config.schema import Config
    from turnout.source.checkout import Checkout


@dataclass(frozen=True)
class Built:
    """An artifact. `reused`: nothing was run; `install_reused`: only the build commands were; times in seconds."""

    artifact: Tree
    reused: bool
    install_reused: bool
    seconds: float


@dataclass(frozen=True)
class Toolchain:
    """What builds run on: the version of Node, and folders that come first in PATH (empty for this machine's own)."""

    node: str
    dirs: Sequence[Path] = ()


async def build(
    cache: Cache,
    checkout: Checkout,
    config: Config,
    toolchain: Toolchain,
    on_line: commands.Say | None = None,
    env: Mapping[str, str] | None = None,
    on_installed: Callable[[Path | None], object] = lambda _: None,
) -> Built:
    """The artifact of a checkout. Raises BuildError (a command failed) and PackageError (files are missing).

    `on_installed` is called before the build commands run. When the production layer can be made of what was just
    installed, it gets that node_modules, which stays as npm made it: the commands get a copy.
    """
    started, env = time.monotonic(), os.environ if env is None else env
    steps = inputs.effective(config.build.commands, checkout.source)
    installs = inputs.effective(config.build.install, checkout.source)
    installed = [True]
    around = install.Surroundings(
        checkout.source,
        commands.environment(
            [checkout.source / "node_modules/.bin", *toolchain.dirs], config.build.env, env, checkout.source
        ),
        on_line,
    )

    async def make(entry: Path) -> None:
        modules = None
        if installs:
            name = install_key(installs, checkout, config, toolchain, env)
            copy = install.writes_modules(steps, inputs.package_json(checkout.source))
            spare = prunes(checkout.source, config)
            made = await install.provide(cache, name, installs, around, copy=copy, spare=spare)
            installed[0] = made.reused
            modules = made.folder / "node_modules" if spare and not made.reused else None
        on_installed(modules)
        project = incremental.project(
            checkout.source, [steps, installs, toolchain.node, _tied(config, toolchain, env)]
        )
        laid = await disk.whole(incremental.lay, cache, project) if project else []
        for command in steps:
            await commands.run(command, around.source, around.env, on_line)
        if project:
            await disk.whole(incremental.clear, project, laid)
            await incremental.keep(cache, project, key)
        await disk.whole(_select, config, checkout.source, entry, bool(steps))

    key = build_key(checkout, config, toolchain, env)
    made = await cache.make("artifacts", key, make)
    return Built(Tree.load(key, made.folder), made.reused, installed[0], time.monotonic() - started)


def install_key(
    installs: Sequence[str],
    checkout: Checkout,
    config: Config,
    toolchain: Toolchain,
    env: Mapping[str, str],
) -> str:
    """The key of what the install commands give. Raises BuildError when they need a lock file and there is none."""
    inputs.check_lock(installs, checkout.source)
    return install.key(installs, checkout.source, checkout.tree, **_tied(config, toolchain, env))


def build_key(checkout: Checkout, config: Config, toolchain: Toolchain, env: Mapping[str, str]) -> str:
    """The key of an artifact: every input of its build (DESIGN 7)."""
    parts = {
        "tree": checkout.tree,
        "source": config.source,
        "install": list(config.build.install),
        "commands": list(config.build.commands),
        "include": list(config.package.include),
        "config": config.processes.config,
        "version": toolchain.node,
        **_tied(config, toolchain, env),
    }
    return f"build-{inputs.digest(parts)}"


def _tied(config: Config, toolchain: Toolchain, env: Mapping[str, str]) -> dict[str, object]:
    return {
        "node": inputs.major(toolchain.node),
        "platform": runtime.own_platform(),
        "env": inputs.values(config.build.env, env),
    }


def _select(config: Config, source: Path, entry: Path, built: bool) -> None:
    package(
        source,
        tree.folder_of(entry),
        config.package.include,
        config.processes.config,
        written="include" in config.package.model_fields_set,
        built=built,
    )
    tree.seal(entry)
