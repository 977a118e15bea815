"""Trees and files that appear whole or not at all, and only after they are on the disk.

Everything is made below `.turnout/tmp` (one file system with its target), synced, renamed into place, and the
rename itself synced. What a killed program leaves is therefore in one folder only, and `sweep` empties it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from turnout_host import failpoints
from turnout_host.errors import StoreError

OPEN, SHUT = 0o755, 0o555
"""Modes of folders: one that is worked in, and one that is never changed again."""

_libc = ctypes.CDLL(None, use_errno=True)
_syncfs: Optional[Any] = getattr(_libc, "syncfs", None)


def sync(folder: Path) -> None:
    """Write the whole file system of `folder` to the disk: one call for a tree of thousands of files."""
    if _syncfs is None:
        os.sync()
        return
    fd = os.open(str(folder), os.O_RDONLY)
    try:
        if _syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: after a rename, before anyone is told of it."""
    fd = os.open(str(folder), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write(path: Path, data: bytes, mode: int, tmp: Path) -> None:
    """Put a whole file into place, never half of it; `mode` holds from the first byte on (a dotenv is secret)."""
    fd, temp = tempfile.mkstemp(prefix=path.name + "-", dir=str(tmp))
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, mode)
            file.write(data)
            file.flush()
            os.fsync(fd)
        failpoints.middle()
        os.rename(temp, str(path))
    except BaseException:
        os.unlink(temp)
        raise
    sync_folder(path.parent)


def link(path: Path, target: str, tmp: Path) -> None:
    """Make `path` a symbolic link to `target`, replacing one that is there in one step.

    By rename(2) over it, and read back: `ln -sfn` puts the link inside a real folder and says nothing (FACTS).
    """
    with scratch(tmp, "link") as folder:
        temp = folder / path.name
        os.symlink(target, str(temp))
        failpoints.middle()
        os.rename(str(temp), str(path))
    sync_folder(path.parent)
    if os.readlink(str(path)) != target:
        raise StoreError(f"{path} does not lead to {target}")


@contextmanager
def scratch(tmp: Path, name: str) -> Iterator[Path]:
    """A folder to work in; it is gone afterwards, however the work ends."""
    folder = Path(tempfile.mkdtemp(prefix=name + "-", dir=str(tmp)))
    os.chmod(str(folder), OPEN)
    try:
        yield folder
    finally:
        _delete(folder)


@contextmanager
def placed(folder: Path, tmp: Path, sealed: bool = False) -> Iterator[Path]:
    """A new empty folder to fill; if that succeeds it becomes `folder` in one step, else it is removed.

    With `sealed` its folders are read-only. The top one becomes so last: a folder that its owner cannot
    write cannot be renamed to another parent.
    """
    if os.path.lexists(str(folder)):
        raise StoreError(f"{folder} is there already")
    with scratch(tmp, folder.name) as work:
        temp = work / folder.name
        temp.mkdir()
        os.chmod(str(temp), OPEN)
        yield temp
        if sealed:
            for child in temp.iterdir():
                seal(child)
        sync(temp)
        failpoints.middle()
        os.rename(str(temp), str(folder))
    sync_folder(folder.parent)
    if sealed:
        os.chmod(str(folder), SHUT)


def seal(tree: Path) -> None:
    """Make every real folder of `tree` read-only (0555): nothing can be added, removed or replaced in it."""
    _chmod_folders(tree, SHUT)


def unlock(tree: Path) -> None:
    """Let the owner of a sealed tree work in its folders again."""
    _chmod_folders(tree, OPEN)


def remove(tree: Path, tmp: Path) -> None:
    """Remove a tree, sealed or not. It leaves its place in one step, so a half removed one is never seen there."""
    if not os.path.lexists(str(tree)):
        return
    os.chmod(str(tree), OPEN)
    with scratch(tmp, "gone") as folder:
        failpoints.middle()
        os.rename(str(tree), str(folder / tree.name))
        sync_folder(tree.parent)


def sweep(tmp: Path) -> int:
    """Remove what killed programs left in `tmp`; how many things. Only for the holder of the lease."""
    leftovers = list(tmp.iterdir())
    for path in leftovers:
        if path.is_dir() and not path.is_symlink():
            _delete(path)
        else:
            with suppress(FileNotFoundError):
                path.unlink()
    return len(leftovers)


def space(path: Path) -> Dict[str, int]:
    """Free and whole bytes for an ordinary user, and free inodes (the largest number where there is no limit)."""
    found = os.statvfs(str(path))
    inodes = found.f_favail if found.f_files else sys.maxsize
    return {
        "free": found.f_bavail * found.f_frsize,
        "total": found.f_blocks * found.f_frsize,
        "inodes_free": inodes,
    }


def fill(path: Path, size: int) -> None:
    """A file of `size` bytes that really takes its space; raises OSError when there is not enough."""
    descriptor = os.open(str(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete(tree: Path) -> None:
    """Remove a tree; what somebody else removes meanwhile is removed, too, and then the rest is looked at again."""
    while os.path.lexists(str(tree)):
        with suppress(FileNotFoundError):
            _chmod_folders(tree, OPEN)
            shutil.rmtree(str(tree))


def _chmod_folders(tree: Path, mode: int) -> None:
    if tree.is_symlink() or not tree.is_dir():
        return
    for folder, _, _ in os.walk(str(tree), topdown=True):
        os.chmod(folder, mode)
