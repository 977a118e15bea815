"""Layers: trees that releases share and that are made once per key (DESIGN 2), shipped or made here.

A layer is there whole or not at all, and its folders are read-only from then on: npm or `prisma generate`, started
by hand inside a release, would else change every release that shares it (FACTS: hard links share inodes).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path, PurePosixPath
from typing import Callable, Iterable, Iterator, List, Optional, Sequence

from turnout_host import children, disk, facts
from turnout_host.errors import InstallError, UsageError
from turnout_host.layout import LAYER, Layout
from turnout_host.manifest import Entry
from turnout_host.migrations import schema
from turnout_host.store import Store, full_disk

SCRATCH = ("node_modules/.cache",)
"""Where tools keep scratch files inside a layer when root runs them (jiti does, for prisma.config.ts)."""

_VERSION = re.compile(r"[0-9A-Za-z.+-]+")
_QUIET = {"npm_config_fund": "false", "npm_config_audit": "false", "npm_config_update_notifier": "false"}


def exists(layout: Layout, key: str) -> bool:
    """Whether the layer is there; then it is whole."""
    return layout.layer(key).is_dir()


def keys(layout: Layout) -> List[str]:
    """The layers that are there, sorted."""
    return sorted(path.name for path in layout.layers.iterdir() if LAYER.match(path.name))


def lay(layout: Layout, store: Store, key: str, entries: Iterable[Entry]) -> bool:
    """Make a layer of what was sent; False when it was there already. Raises StoreError for bad blobs."""
    if exists(layout, key):
        return False
    store.lay(entries, layout.layer(key), sealed=True)
    return True


def mend(layout: Layout, store: Store, key: str, digest: str) -> bool:
    """Make a layer right that was laid and not written down; False when it was so. It may be whole, but not sealed."""
    folder = layout.layer(key)
    if store.verify(store.manifest(digest), folder, SCRATCH):
        remove(layout, key)
        return lay(layout, store, key, store.manifest(digest))
    disk.seal(folder)
    disk.sync(folder)  # perhaps the first one failed at that
    return False


def remove(layout: Layout, key: str) -> None:
    """Remove a layer that nothing uses."""
    disk.remove(layout.layer(key), layout.tmp)


def make(
    layout: Layout,
    key: str,
    release_folder: Path,
    commands: Sequence[str],
    inputs: Sequence[str],
    path_dirs: List[str],
    say: Callable[[str], None],
) -> float:
    """Make a dependency layer here: run the user's `commands` on a copy of the `inputs`, keep node_modules. Seconds.

    The commands run as written, by `/bin/sh -c`. Raises InstallError with their `tail`; then nothing is left over.
    """
    started = time.monotonic()
    placed = disk.placed(layout.layer(key), layout.tmp, sealed=True)
    with full_disk(), placed as layer, disk.scratch(layout.tmp, "install") as work:
        _copy(release_folder, inputs, work)
        for number, command in enumerate(commands):
            _run(["/bin/sh", "-c", command], command, work, path_dirs, say)
            if number == 0:
                _must_be_installed(command, work)
                _add_prisma(work, path_dirs, say)
        if not (work / "node_modules").is_dir():
            raise InstallError("the commands made no node_modules", where=str(release_folder), tail=[])
        _read_only(work / "node_modules")
        os.rename(str(work / "node_modules"), str(layer / "node_modules"))
    return time.monotonic() - started


def _run(argv: List[str], command: str, work: Path, path_dirs: List[str], say: Callable[[str], None]) -> None:
    path = [str(work / "node_modules" / ".bin"), *path_dirs]
    env = children.clean_env(path, DATABASE_URL=schema.placeholder(work), **facts.network_env(), **_QUIET)
    try:
        finished = children.run(argv, work, env, say)
    except FileNotFoundError as error:
        raise InstallError(f"{error.filename} is not there to run", tail=[], where=command) from None
    if finished.status != 0:
        raise InstallError(f"`{command}` failed ({_how(finished.status)})", tail=finished.tail, where=command)


def _must_be_installed(command: str, work: Path) -> None:
    """Npm can end with status 0 and nothing installed when the registry is out of reach (docs/facts.md)."""
    wanted = command.startswith("npm ") and (work / "package-lock.json").is_file()
    if wanted and not (work / "node_modules" / ".package-lock.json").is_file():
        raise InstallError(f"`{command}` ended well, but installed nothing", tail=[], where=command)


def _how(status: int) -> str:
    return f"exit status {status}" if status > 0 else f"killed by signal {-status}"


def _add_prisma(work: Path, path_dirs: List[str], say: Callable[[str], None]) -> None:
    """The Prisma CLI generates and migrates, but `--omit=dev` leaves it out where it is only a devDependency."""
    version = _locked_prisma(work / "package-lock.json")
    if version is None or (work / "node_modules" / "prisma").exists():
        return
    say(f"prisma is only a devDependency: adding {version}, as the lock file says")
    argv = ["npm", "install", "--no-save", "--omit=dev", f"prisma@{version}"]
    _run(argv, " ".join(argv), work, path_dirs, say)


def _locked_prisma(lock: Path) -> Optional[str]:
    try:
        version = json.loads(lock.read_text("utf-8"))["packages"]["node_modules/prisma"]["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else None


def _read_only(tree: Path) -> None:
    """Files too: what a laid layer has from the store, so that `prisma generate` by hand fails here as well."""
    for folder, _, files in os.walk(str(tree)):
        for file in files:
            path = f"{folder}/{file}"
            if not os.path.islink(path):
                os.chmod(path, os.stat(path).st_mode & 0o555)


def _copy(source: Path, patterns: Sequence[str], target: Path) -> None:
    for path in _matches(source, [*patterns, ".npmrc"]):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(str(path), str(copy), copy_function=shutil.copyfile, dirs_exist_ok=True)
        else:
            shutil.copyfile(str(path), str(copy))


def _matches(source: Path, patterns: Sequence[str]) -> Iterator[Path]:
    for pattern in patterns:
        if not pattern or pattern.startswith("/") or ".." in PurePosixPath(pattern).parts:
            raise UsageError(f"an input must be inside the release: {pattern!r}")
        yield from sorted(source.glob(pattern))
