"""Writes the exact tree of a revision into a clean folder; the user's tree, index and worktrees are never touched."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.errors import BuildError
from turnout.source.process import git

if TYPE_CHECKING:
    from turnout.model import Revision

POINTER = b"version https://git-lfs.github.com/spec/v1\n"
POINTER_LIMIT = 1024
"""Bytes; the Git LFS specification says that a pointer is smaller."""


INDEX = ".turnout-checkout-index"
"""Git's index of a checkout, while it is made: in its folder, so that it goes with it when we are killed."""


@dataclass(frozen=True)
class Checkout:
    """A clean tree: `root` is all of it, `source` the app's folder in it, `tree` git's digest of all of it.

    All of it counts as input of a build: an app may reach outside its folder (a tsconfig that extends
    `../tsconfig.base.json`), and a build that was reused wrongly would be a silent lie.
    """

    root: Path
    source: Path
    tree: str


async def check_out(git_dir: Path, revision: Revision, folder: Path, source: str) -> Checkout:
    """Write all files of the revision, with modes and links, by an index of our own.

    Raises BuildError when git fails (a filter, the disk), or when contents below `source` are not in the
    repository itself: submodules, and Git LFS files that were not fetched.
    """
    _make_empty(folder)
    places = ["--git-dir", os.fspath(git_dir), "--work-tree", os.fspath(folder)]
    index = folder / INDEX

    async def step(*args: str) -> str:
        answer = await git([*places, *args], folder, GIT_INDEX_FILE=os.fspath(index))
        if answer.status:
            why = answer.err.splitlines()[-10:]
            raise BuildError(f"git could not check out {revision.short}", why=why)
        return answer.out

    tree = (await step("rev-parse", "--verify", f"{revision.commit}^{{tree}}")).strip()
    await step("read-tree", tree)
    await step("checkout-index", "--all", "--quiet")
    listing = await step("ls-tree", "-r", "-l", "-z", "--full-tree", tree)
    index.unlink()
    await asyncio.to_thread(_refuse_absent, listing, folder, "" if source == "." else f"{source}/")
    return Checkout(folder, folder / source if source != "." else folder, tree)


def _make_empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BuildError(f"the folder for the checkout is not empty: {folder}")


def _refuse_absent(listing: str, folder: Path, below: str) -> None:
    """Raise BuildError for contents below the app's folder that live elsewhere."""
    modules, pointers = [], []
    for line in filter(None, listing.split("\0")):
        entry, _, path = line.partition("\t")
        mode, _, _, size = entry.split()
        if not path.startswith(below):
            continue
        if mode == "160000":
            modules.append(path)
        elif mode.startswith("100") and int(size) < POINTER_LIMIT and _starts_as_pointer(folder / path):
            pointers.append(path)
    if modules:
        raise BuildError(
            f"{_some(modules)}: submodules in the app's folder are not supported",
            why="their contents belong to another repository",
            remedy="make it an npm dependency, or commit its files",
        )
    if pointers:
        raise BuildError(
            f"{_some(pointers)}: only a Git LFS pointer, its contents are not here",
            remedy=["git lfs install", "git lfs fetch"],
        )


def _starts_as_pointer(path: Path) -> bool:
    # after a smudge filter the file is the real one, whatever the blob is
    with path.open("rb") as file:
        return file.read(len(POINTER)) == POINTER


def _some(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
