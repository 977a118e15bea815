"""How a folder differs from a manifest: by contents, never by time, in plain words."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Callable, Collection, Dict, Iterator, List, Optional, Set, Tuple

from turnout_host.manifest import Entry


def differences(
    entries: List[Entry],
    folder: Path,
    ignore: Collection[str] = (),
    hashed: Optional[Callable[[str], str]] = None,
) -> List[str]:
    """One line for each path that differs, in order: "changed: dist/x.js", "missing: …", "added: …".

    `ignore` names paths; they and all below them are passed over. An added or missing folder is told once.
    Every file is hashed, so what kept its size and its time is found as well; by `hashed`, where that is given.
    """
    wanted = {entry.path: entry for entry in entries if not _below(entry.path, ignore)}
    found: Set[str] = set()
    lines: List[Tuple[str, str]] = []
    for path in _walk(str(folder), wanted, ignore):
        found.add(path)
        if path in wanted:
            if not _same(wanted[path], f"{folder}/{path}", hashed or hash_file):
                lines.append((path, "changed"))
        elif not _above(path, ignore):
            lines.append((path, "added"))
    there = {*found, ""}
    absent = [path for path in wanted if path not in found]
    lines += [(path, "missing") for path in absent if path.rpartition("/")[0] in there]
    return [f"{how}: {_plain(path)}" for path, how in sorted(lines)]


def hash_file(path: str) -> str:
    """The SHA-256 of a file's contents; never more than 1 MiB of it in memory."""
    sha = hashlib.sha256()
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while True:
            part = os.read(fd, 1 << 20)
            if not part:
                return sha.hexdigest()
            sha.update(part)
    finally:
        os.close(fd)


def _walk(root: str, wanted: Dict[str, Entry], ignore: Collection[str]) -> Iterator[str]:
    folders = {entry.path for entry in wanted.values() if entry.kind == "d"}
    stack = [""]
    while stack:
        inside = stack.pop()
        for found in _listing(f"{root}/{inside}"):
            path = f"{inside}/{found.name}" if inside else found.name
            if _below(path, ignore):
                continue
            yield path
            if found.is_dir(follow_symlinks=False) and (path in folders or _above(path, ignore)):
                stack.append(path)


def _listing(folder: str) -> List[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _same(entry: Entry, path: str, hashed: Callable[[str], str]) -> bool:
    if entry.kind == "l":
        return os.path.islink(path) and os.readlink(path) == entry.target
    if os.path.islink(path):
        return False
    if entry.kind == "d":
        return os.path.isdir(path)
    if not os.path.isfile(path) or bool(os.stat(path).st_mode & 0o100) != (entry.mode == 0o755):
        return False
    try:
        return hashed(path) == entry.sha256
    except OSError:  # unreadable counts as changed
        return False


def _plain(path: str) -> str:
    return path if path.isprintable() else path.encode("unicode_escape").decode("ascii")


def _below(path: str, names: Collection[str]) -> bool:
    return any(path == name or path.startswith(name + "/") for name in names)


def _above(path: str, names: Collection[str]) -> bool:
    """A folder that is only there to hold a shared name, such as `data` for `data/uploads`."""
    return any(name.startswith(path + "/") for name in names)
