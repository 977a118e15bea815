"""The result of `[build] install`, kept by its inputs: node_modules, and what else the commands made (DESIGN 7)."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnout.builder import commands, disk, inputs, installed

if TYPE_CHECKING:
    from turnout.builder.cache import Cache, Made

INPUTS = (
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    ".npmrc",
    ".yarnrc.yml",
    "patches",
    "prisma.config.*",
    "schema.prisma",
    "prisma/schema.prisma",
    "prisma/schema",
)
KNOWN = re.compile(
    r"(?:npm|pnpm|yarn)\s+(?:ci|install)\b[^;&|]*|npx\s+--no-install\s+prisma\s+generate\b[^;&|]*"
)
"""Commands that read nothing but INPUTS, unless package.json makes them run more."""
SCRIPTS = ("preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare", "prepublish")
HARMLESS = re.compile(r"husky(?: install)?(?:\s*\|\|\s*(?:true|exit 0))?")
"""Sets up git hooks, for which a checkout has no use; a very usual `prepare`."""
WRITES = re.compile(
    r"\bprisma\s+generate\b|\bnpm\s+(?:ci|i|install|rebuild)\b|\bpatch-package\b|\b(?:yarn|pnpm)\s+install\b"
)
"""Build commands that write into node_modules in place, so that they must get a copy."""


@dataclass(frozen=True)
class Surroundings:
    """What commands run in: the app's folder, their environment, where their output goes."""

    source: Path
    env: Mapping[str, str]
    on_line: commands.Say | None = None


def key(wanted: Sequence[str], source: Path, tree: str, **tied: Any) -> str:
    """The key of the install result. `tree` (all files) is part of it only if the commands may read anything."""
    parts = {"commands": list(wanted), "files": inputs.files(source, INPUTS), **tied}
    if reads_anything(wanted, inputs.package_json(source)):
        parts["tree"] = tree
    return f"install-{inputs.digest(parts)}"


def reads_anything(wanted: Sequence[str], package: Mapping[str, Any]) -> bool:
    """Whether the commands may depend on other files than INPUTS: unknown ones, install scripts, local packages."""
    return (
        not all(KNOWN.fullmatch(command.strip()) for command in wanted)
        or not all(HARMLESS.fullmatch(script.strip()) for script in own_scripts(package))
        or "workspaces" in package
        or bool(re.search(r'":\s*"(?:file|link|portal):|":\s*"\.{1,2}/', json.dumps(_dependencies(package))))
    )


def own_scripts(package: Mapping[str, Any]) -> list[str]:
    """What the app itself runs when its dependencies are installed."""
    scripts = package.get("scripts")
    return [str(scripts[name]) for name in SCRIPTS if name in scripts] if isinstance(scripts, dict) else []


def writes_modules(wanted: Sequence[str], package: Mapping[str, Any]) -> bool:
    """Whether build commands, or the npm scripts behind them, write into node_modules."""
    scripts = package.get("scripts")
    texts = [*wanted, *(map(str, scripts.values()) if isinstance(scripts, dict) else ())]
    return any(WRITES.search(text) for text in texts)


async def provide(
    cache: Cache, name: str, wanted: Sequence[str], around: Surroundings, *, copy: bool, spare: bool = False
) -> Made:
    """Put the install result into the app's folder, making it where it is missing. Raises BuildError.

    node_modules becomes a link into the cache, or a copy of its own with `copy`; with `spare` also when it was just
    made, so that the cache's stays as npm made it.
    """

    async def make(entry: Path) -> None:
        before = dict(_look(around.source))
        for command in wanted:
            await commands.run(command, around.source, around.env, around.on_line)
            await disk.whole(installed.check, command, around.source)
        await disk.whole(_take, around.source, before, entry)

    made = await cache.make("installs", name, make)
    await disk.whole(_lay, made.folder, around.source, copy or (spare and not made.reused))
    return made


def _take(source: Path, before: Mapping[str, tuple[int, int]], entry: Path) -> None:
    """Move node_modules, and copy every other file that is new or changed, into the entry."""
    (entry / "files").mkdir()
    for path, seen in _look(source):
        if before.get(path) != seen:
            target = entry / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / path, target, follow_symlinks=False)
    if (source / "node_modules").is_dir():
        shutil.move(source / "node_modules", entry / "node_modules")


def _lay(entry: Path, source: Path, copy: bool) -> None:
    shutil.copytree(entry / "files", source, symlinks=True, dirs_exist_ok=True)
    modules = entry / "node_modules"
    if not modules.is_dir():
        return
    target = source / "node_modules"
    if target.is_symlink():
        target.unlink()
    disk.remove(target)  # one that was committed is in the way
    if copy:
        disk.copy(modules, target)
    else:
        target.symlink_to(modules)


def _look(source: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every file outside node_modules with its time of change (ns) and size."""
    for where, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in ("node_modules", ".git")]
        for name in names:
            path = Path(where, name)
            seen = path.lstat()
            yield path.relative_to(source).as_posix(), (seen.st_mtime_ns, seen.st_size)


def _dependencies(package: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in package.items() if name.lower().endswith("dependencies")}
