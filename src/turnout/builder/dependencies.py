"""The layer of production dependencies: node_modules as the server needs it, made once per key (DESIGN 7)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.artifact import tree
from turnout.artifact.tree import Tree
from turnout.builder import build, commands, disk, inputs, install, installed

if TYPE_CHECKING:
    from turnout.builder.build import Toolchain
    from turnout.builder.cache import Cache
    from turnout.config.schema import Config

ALSO = (".npmrc",)
"""What npm reads on its own, beside `[dependencies] inputs`."""
ALL, PRODUCTION, PRUNE = "npm ci", "npm ci --omit=dev", "npm prune --omit=dev"


def key(source: Path, config: Config, node_version: str, platform: str) -> str:
    """The key of the layer for hosts of `platform`; the same whether this machine makes it or the host."""
    parts = {
        "files": inputs.files(source, (*config.dependencies.inputs, *ALSO)),
        "commands": inputs.effective(config.dependencies.commands, source),
        "node": inputs.major(node_version),
        "platform": platform,
    }
    return f"dependencies-{inputs.digest(parts)}"


def prunes(source: Path, config: Config) -> bool:
    """Whether PRUNE on what the build installs gives the layer, too (docs/decisions/012-the-layer-is-pruned.md).

    So it is where the commands differ in `--omit=dev` alone, and read nothing that the layer's cannot see.
    """
    installs = inputs.effective(config.build.install, source)
    wanted = inputs.effective(config.dependencies.commands, source)
    return (
        (installs[:1], wanted[:1]) == ([ALL], [PRODUCTION])
        and installs[1:] == wanted[1:]
        and not install.reads_anything(installs, inputs.package_json(source))
    )


async def make(
    cache: Cache,
    source: Path,
    config: Config,
    toolchain: Toolchain,
    platform: str,
    on_line: commands.Say | None = None,
    env: Mapping[str, str] | None = None,
) -> Tree:
    """The layer, made on this machine, which must be of the host's platform. Raises BuildError, PackageError.

    The commands see nothing but the inputs, so an input that is not named fails here and not on a server.
    """
    name, env = key(source, config, toolchain.node, platform), os.environ if env is None else env
    wanted = inputs.effective(config.dependencies.commands, source)
    inputs.check_lock(wanted, source)

    async def work(entry: Path) -> None:
        folder = entry / "work"
        dirs = [folder / "node_modules/.bin", *toolchain.dirs]
        around = commands.environment(dirs, config.build.env, env, source)
        await disk.whole(_copy_inputs, source, config, folder)
        whole = _installed(cache, source, config, toolchain, env)
        if whole:
            await disk.whole(_copy_modules, whole, folder)
        for position, command in enumerate([PRUNE, *wanted[1:]] if whole else wanted):
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


def _installed(
    cache: Cache, source: Path, config: Config, toolchain: Toolchain, env: Mapping[str, str]
) -> Path | None:
    """What the build installed, if it did and the layer can be made of it."""
    if not prunes(source, config):
        return None
    name = build.install_key(
        inputs.effective(config.build.install, source), source, "", config, toolchain, env
    )
    return cache.entry("installs", name)


def missing_prisma(folder: Path) -> str | None:
    """The lock file's version of a prisma that is only a devDependency: migrations on a host need it."""
    if (folder / "node_modules/prisma").exists():
        return None
    for name in inputs.LOCKS:
        try:
            packages = json.loads((folder / name).read_bytes())["packages"]
            return str(packages["node_modules/prisma"]["version"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            continue  # another kind of lock file, or an app without Prisma's own package
    return None


def _copy_inputs(source: Path, config: Config, folder: Path) -> None:
    folder.mkdir()
    for path in inputs.files(source, (*config.dependencies.inputs, *ALSO)):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / path, target, follow_symlinks=False)


def _copy_modules(whole: Path, folder: Path) -> None:
    """The cache's own stay what npm made of them."""
    if (whole / "node_modules").is_dir():
        shutil.copytree(whole / "node_modules", folder / "node_modules", symlinks=True)


def _keep_modules(folder: Path, into: Path) -> None:
    """node_modules and nothing else; an app without dependencies has an empty one."""
    into.mkdir()
    (folder / "node_modules").mkdir(exist_ok=True)
    disk.remove(folder / "node_modules/.cache")
    (folder / "node_modules").rename(into / "node_modules")
    disk.remove(folder)
