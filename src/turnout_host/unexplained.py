"""What lies in the old workflow's `current/` that neither package nor layer explains: uploads, SQLite files (DESIGN 5).

A new release would not have it. So it is named before anything is moved, and a person says what it is.
"""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from typing import AbstractSet, Iterator, List, NamedTuple, Sequence, Tuple

NEVER = ("node_modules", ".env")
"""Made from the lock file; copied to `shared/`."""
CODE = re.compile(r"\.([cm]?[jt]sx?|map|json|sql|prisma|toml|ya?ml|tsbuildinfo|wasm|node)\Z")
"""Endings of what builds write and packages bring, in the folders that belong to the package."""


class Rules(NamedTuple):
    """`known`: paths that git has or had; `include`: the package's patterns; the rest is what a person named."""

    known: AbstractSet[str]
    include: Sequence[str]
    shared: Sequence[str]
    ignore: Sequence[str]


class Found(NamedTuple):
    """A file, or a folder that holds nothing else; `size` in bytes."""

    path: str
    files: int
    size: int


def unexplained(folder: str, rules: Rules) -> List[Found]:
    """All of it, a folder named once where everything in it is unexplained; in order of paths."""
    found = sorted(_folder(folder, "", rules)[0])
    files = [one.path for one in found]
    return [one for one in found if one.path not in siblings(files)]


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Is the path, or a folder above it, one of these patterns? What looks like one may be a name: `cat[1].png`."""
    return named(path, patterns) or any(fnmatchcase(one, each) for one in _above(path) for each in patterns)


def named(path: str, names: Sequence[str]) -> bool:
    """Is the path, or a folder above it, one of these names?"""
    return any(one in names for one in _above(path))


def _above(path: str) -> List[str]:
    parts = path.split("/")
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def siblings(names: Sequence[str]) -> List[str]:
    """What SQLite keeps beside its files; it goes with them, and before them."""
    return [name + ending for name in names for ending in ("-journal", "-wal", "-shm")]


def _folder(root: str, inside: str, rules: Rules) -> Tuple[List[Found], bool]:
    """What is unexplained below `inside`, and whether anything there is explained."""
    found: List[Found] = []
    explained = False
    for entry in _entries(f"{root}/{inside}"):
        path = f"{inside}/{entry.name}" if inside else entry.name
        shared = named(path, [*rules.shared, *siblings(rules.shared)])  # names, as releases link them
        if path in NEVER or shared or matches(path, rules.ignore):
            explained = True
        elif entry.is_dir(follow_symlinks=False):
            below, some = _folder(root, path, rules)
            explained = explained or some or not below
            found += below if some else _whole(f"{path}/", below)
        elif _explained(path, rules):
            explained = True
        else:
            found.append(Found(path, 1, entry.stat(follow_symlinks=False).st_size))
    return found, explained


def _explained(path: str, rules: Rules) -> bool:
    return path in rules.known or (bool(CODE.search(path)) and matches(path, rules.include))


def _whole(path: str, below: List[Found]) -> List[Found]:
    if not below:
        return []
    return [Found(path, sum(one.files for one in below), sum(one.size for one in below))]


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries
