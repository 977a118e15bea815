"""What the cache needs from the file system: locks that die with their holder, sizes, durability, removal."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from turnout.errors import BuildError

Result = TypeVar("Result")


async def whole(function: Callable[..., Result], *args: Any) -> Result:
    """Run a function in a thread, to its end: a thread cannot be cancelled, and must not write into what is removed."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args))
    try:
        return await asyncio.shield(work)
    finally:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])


def try_lock(path: Path) -> int | None:
    """The descriptor that holds the lock, or None while another one does. The kernel frees it when its holder dies."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # a holder removes the file before it lets go: only a lock on the file that is there now counts
        if os.fstat(lock).st_ino == path.stat().st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def unlock(path: Path, lock: int) -> None:
    """Remove the lock's file and let go."""
    with suppress(FileNotFoundError):
        path.unlink()
    os.close(lock)


def size(folder: Path) -> int:
    """Bytes that the files of a folder take on the disk."""
    return sum(
        os.lstat(f"{where}/{name}").st_blocks * 512 for where, _, names in os.walk(folder) for name in names
    )


def copy(tree: Path, target: Path) -> None:
    """Make `target` a copy of a tree, its links, modes and times as they are. Raises BuildError.

    `cp` takes half the time of shutil.copytree, and shares the blocks where the file system can.
    """
    why = [f"{target} is there already"] if os.path.lexists(target) else _copied(tree, target)
    if why:
        raise BuildError(
            f"{tree.name} could not be copied",
            where=str(target),
            why=why,
            remedy="make room or correct its owner, then the same command again",
        )


def _copied(tree: Path, target: Path) -> list[str]:
    """Why not; [] for nothing."""
    try:
        done = subprocess.run(["cp", "-a", "--", tree, target], capture_output=True, text=True, check=False)
    except OSError as error:
        return [str(error)]
    return (done.stderr.splitlines() or ["cp failed"])[-3:] if done.returncode else []


def sync(folder: Path) -> None:
    """Flush the file system of `folder`: one call, where an fsync of 7,000 files would take many seconds."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:
            os.sync()
        elif syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Remove a folder, read-only folders in it too; one that is gone is fine. Nothing outside it is touched."""
    if folder.is_symlink():
        return
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
