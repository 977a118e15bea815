"""The layer of production dependencies: node_modules as the server needs it, made once per key (DESIGN 7)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.artifact import tree
from turnout.artifact.tree import Tree
from turnout.builder import commands, disk, inputs, installed, pruning, runtime

if TYPE_CHECKING:
    from turnout.builder.build import Toolchain
    from turnout.builder.cache import Cache
    from turnout.config.schema import Config

ALSO = (".npmrc",)
"""What npm reads on its own, beside `[dependencies] inputs`."""


def key(source: Path, config: Config, node_version: str, platform: str) -> str:
    """The key of the layer for hosts of `platform`; the same whether this machine makes it or the host."""
    parts = {
        "files": inputs.files(source, (*config.dependencies.inputs, *ALSO)),
        "commands": inputs.effective(config.dependencies.commands, source),
        "node": inputs.major(node_version),
        "platform": platform,
    }
    return f"dependencies-{inputs.digest(parts)}"


async def make(
    cache: Cache,
    source: Path,
    config: Config,
    toolchain: Toolchain,
    modules: Path | None = None,
    on_line: commands.Say | None = None,
    env: Mapping[str, str] | None = None,
) -> Tree:
    """The layer for hosts of this machine's platform. Raises BuildError, PackageError.

    `modules` is what `npm ci` installed for the build, where it may be pruned (pruning.py). The commands see nothing
    but the inputs, so an input that is not named fails here and not on a server.
    """
    name = key(source, config, toolchain.node, runtime.own_platform())
    wanted = inputs.effective(config.dependencies.commands, source)
    inputs.check_lock(wanted, source)

    async def work(entry: Path) -> None:
        folder = entry / "work"
        dirs = [folder / "node_modules/.bin", *toolchain.dirs]
        around = commands.environment(dirs, config.build.env, env, source)
        await disk.whole(_copy_inputs, source, config, folder)
        pruned = await disk.whole(_begun_with, modules, folder)
        for position, command in enumerate([pruning.COMMAND, *wanted[1:]] if pruned else wanted):
            await commands.run(command, folder, around, on_line)
            await disk.whole(installed.check, command, folder)
            extra = missing_prisma(folder) if position == 0 and inputs.has_schema(source) else None
            if extra:
                await commands.run(
                    f"npm install --no-save --omit=dev prisma@{extra}", folder, around, on_line
                )
        await disk.whole(_keep_modules, folder, tree.folder_of(entry))
        await disk.whole(tree.seal, entry)

    return Tree.load(name, (await cache.make("layers", name, work)).folder)


def missing_prisma(folder: Path) -> str | None:
    """The lock file's version of a prisma that is only a devDependency: migrations on a host need it."""
    if (folder / "node_modules/prisma").exists():
        return None
    try:
        return str(inputs.lock(folder)["packages"]["node_modules/prisma"]["version"])
    except (KeyError, TypeError):
        return None  # another kind of lock file, or an app without Prisma's own package


def _copy_inputs(source: Path, config: Config, folder: Path) -> None:
    folder.mkdir()
    for path in inputs.files(source, (*config.dependencies.inputs, *ALSO)):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / path, target, follow_symlinks=False)


def _begun_with(modules: Path | None, folder: Path) -> bool:
    """Start from a copy of what the build installed; not without the lock file, by which a prune must go."""
    taken = (folder / "node_modules").exists()  # something in it is an input
    if modules is None or not modules.is_dir() or not inputs.lock(folder) or taken:
        return False
    disk.copy(modules, folder / "node_modules")
    return True


def _keep_modules(folder: Path, into: Path) -> None:
    """node_modules and nothing else; an app without dependencies has an empty one."""
    into.mkdir()
    (folder / "node_modules").mkdir(exist_ok=True)
    disk.remove(folder / "node_modules/.cache")
    (folder / "node_modules").rename(into / "node_modules")
    disk.remove(folder)
