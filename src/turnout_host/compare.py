"""How a folder differs from a manifest: by contents, never by time, in plain words."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Callable, Collection, Iterable, Iterator, List, Optional, Set

from turnout_host.manifest import Entry


def differences(
    entries: Iterable[Entry],
    folder: Path,
    ignore: Collection[str] = (),
    hashed: Optional[Callable[[str], str]] = None,
) -> List[str]:
    """One line for each path that differs, in order: "changed: dist/x.js", "missing: …", "added: …".

    `ignore` names paths; they and all below them are passed over. An added or missing folder is told once.
    Every file is hashed, so what kept its size and its time is found as well; by `hashed`, where that is given.
    Manifest and folder are read side by side, so that neither has to be remembered.
    """
    folders: Set[str] = set()
    gone: Set[str] = set()
    lines: List[str] = []
    walk = walked(str(folder), lambda path: path in folders or _above(path, ignore), ignore)
    found = next(walk, None)
    for entry in entries:
        path = entry.path
        if _below(path, ignore):
            continue
        while found is not None and found < path:
            lines += _added(found, ignore)
            found = next(walk, None)
        if entry.kind == "d":
            (folders if found == path else gone).add(path)
        if found == path:
            if not _same(entry, f"{folder}/{path}", hashed or hash_file):
                lines.append(_changed(path))
            found = next(walk, None)
        elif path.rpartition("/")[0] not in gone:
            lines.append(f"missing: {_plain(path)}")
    while found is not None:
        lines += _added(found, ignore)
        found = next(walk, None)
    return lines


def changed(entries: Iterable[Entry], folder: Path, paths: Collection[str]) -> List[str]:
    """As `differences`, for these paths alone, where it is known that all are there and none was added."""
    among = set(paths)
    found = (entry for entry in entries if entry.path in among)
    return [_changed(entry.path) for entry in found if not _same(entry, f"{folder}/{entry.path}", hash_file)]


def walked(root: str, enter: Callable[[str], bool], ignore: Collection[str] = ()) -> Iterator[str]:
    """The paths below `root` in the order of manifests, without `ignore` and all below.

    Of folders, those are gone into that `enter` says yes to; it is asked after their own path was taken.
    """
    waiting = [""]
    while waiting:
        path = waiting.pop()
        if path and not path.endswith("/"):
            yield path
        elif not path or enter(path[:-1]):
            waiting += sorted((one for one in _inside(root, path) if not _below(one, ignore)), reverse=True)


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


def _inside(root: str, folder: str) -> Iterator[str]:
    """What is in a folder; folders once more with a slash, where what is in them belongs: `a`, `a-b`, `a/b`."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(f"{root}/{folder}") as listing:
        for item in listing:
            yield folder + item.name
            if item.is_dir(follow_symlinks=False):
                yield f"{folder}{item.name}/"


def _added(path: str, ignore: Collection[str]) -> List[str]:
    return [] if _above(path, ignore) else [f"added: {_plain(path)}"]


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


def _changed(path: str) -> str:
    return f"changed: {_plain(path)}"


def _plain(path: str) -> str:
    return path if path.isprintable() else path.encode("unicode_escape").decode("ascii")


def _below(path: str, names: Collection[str]) -> bool:
    return any(path == name or path.startswith(name + "/") for name in names)


def _above(path: str, names: Collection[str]) -> bool:
    """A folder that is only there to hold a shared name, such as `data` for `data/uploads`."""
    return any(name.startswith(path + "/") for name in names)
