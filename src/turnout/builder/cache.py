"""The deployer's cache: complete entries by kind and key, each made once, however many deployers there are.

<root>/<kind>/<key>/     complete, because it was renamed here
<root>/tmp/<random>/     being made; its lock is held as long as its maker lives
<root>/locks/            one lock a key that is being made
<root>/notes/            short answers
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

from turnout.builder import disk
from turnout.errors import BuildError

LIMIT = 5 << 30
"""Bytes that the entries may take before the oldest are removed."""
IN_USE = 3600.0
"""Seconds; an entry used this recently may be in use by a deployment, and is never swept."""
SIZE = ".size"
"""A file in each entry."""
POLL = 0.05
"""Seconds between two looks at a lock that another deployer holds."""

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,120}")
HELPLESS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
NOT_KINDS = ("tmp", "locks", "notes")


class Made(NamedTuple):
    """An entry, and whether it was there already."""

    folder: Path
    reused: bool


def place(env: Mapping[str, str]) -> Path:
    """TURNOUT_CACHE, else $XDG_CACHE_HOME/turnout, else ~/.cache/turnout (DESIGN 7)."""
    if own := env.get("TURNOUT_CACHE"):
        return Path(own).absolute()
    base = env.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "turnout"


class Cache:
    """Folders that cost time to make, on this machine; never in the repository."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or place(os.environ)

    def entry(self, kind: str, key: str) -> Path | None:
        """The complete entry, marked as used now, else None."""
        path = self._path(kind, key)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def find(self, kind: str, key: str) -> Path | None:
        """As `entry`, for a key that came from elsewhere: None, too, for what is no name."""
        return self.entry(kind, key) if NAME.fullmatch(key) else None

    async def make(self, kind: str, key: str, maker: Callable[[Path], Awaitable[object]]) -> Made:
        """The entry; where it is missing, `maker` fills a temporary folder that becomes it.

        A second deployer waits for the first. A maker that fails or is killed leaves no entry. Raises BuildError
        when the cache cannot be written, and whatever `maker` raises.
        """
        if found := self.entry(kind, key):
            return Made(found, True)
        with self._explained():
            async with self._alone(f"{kind}-{key}"):
                if found := self.entry(kind, key):
                    return Made(found, True)
                with self.workspace() as folder:
                    await maker(folder)
                    return Made(await disk.whole(self._finish, folder, self._path(kind, key)), False)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A temporary folder on the cache's file system, removed afterwards; swept when its owner was killed."""
        with self._explained():
            folder = self._folder("tmp") / secrets.token_hex(8)
            lock = disk.try_lock(folder.with_suffix(".lock"))
            assert lock is not None  # nobody else knows the name
            folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            disk.remove(folder)
            disk.unlock(folder.with_suffix(".lock"), lock)

    def note(self, name: str) -> str | None:
        """A short answer that was kept by `remember`, else None."""
        try:
            return (self.root / "notes" / _checked(name)).read_text("utf-8")
        except FileNotFoundError:
            return None

    def remember(self, name: str, text: str) -> None:
        """Keep a short answer (a version that the registry was asked for)."""
        with self._explained():
            path = self._folder("notes") / _checked(name)
            scratch = path.with_name(f".{secrets.token_hex(8)}")
            with scratch.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            scratch.rename(path)

    def sweep(self, limit: int = LIMIT) -> int:
        """Remove what killed makers left and, oldest first, entries beyond `limit` bytes; gives the bytes freed."""
        if not self.root.is_dir():
            return 0
        freed = self._sweep_left()
        entries = sorted(self._entries(), key=lambda path: path.stat().st_mtime)
        sizes = {path: _size(path) for path in entries}
        taken, now = sum(sizes.values()), time.time()
        for path in entries:
            if taken <= limit or now - path.stat().st_mtime < IN_USE:
                break
            with self.workspace() as grave:
                path.rename(grave / "entry")
            taken, freed = taken - sizes[path], freed + sizes[path]
        return freed

    def _sweep_left(self) -> int:
        freed = 0
        for folder in {path.with_suffix("") for path in self._folder("tmp").iterdir()}:
            lock = disk.try_lock(folder.with_suffix(".lock"))
            if lock is not None:
                freed += disk.size(folder)
                disk.remove(folder)
                disk.unlock(folder.with_suffix(".lock"), lock)
        return freed

    def _entries(self) -> list[Path]:
        kinds = [kind for kind in self.root.iterdir() if kind.is_dir() and kind.name not in NOT_KINDS]
        return [entry for kind in kinds for entry in kind.iterdir() if entry.is_dir()]

    def _path(self, kind: str, key: str) -> Path:
        return self.root / _checked(kind) / _checked(key)

    def _folder(self, name: str) -> Path:
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.root.mkdir(mode=0o700, exist_ok=True)  # private code lies here
        path = self.root / name
        path.mkdir(exist_ok=True)
        return path

    def _finish(self, folder: Path, path: Path) -> Path:
        """Everything on the disk, then the name."""
        self._folder(path.parent.name)
        (folder / SIZE).write_text(str(disk.size(folder)))
        disk.sync(folder)
        folder.rename(path)
        os.utime(path)
        disk.sync(path.parent)
        return path

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[None]:
        path = self._folder("locks") / name
        # polled: a thread that blocks on another process's lock could not be cancelled
        while (lock := disk.try_lock(path)) is None:  # noqa: ASYNC110
            await asyncio.sleep(POLL)
        try:
            yield
        finally:
            disk.unlock(path, lock)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in HELPLESS:
                raise
            raise BuildError(
                f"the cache {self.root} cannot be written",
                why=f"{error.strerror}: {error.filename or self.root}",
                remedy="make room or correct its owner, or name another folder in TURNOUT_CACHE",
            ) from error


def _size(entry: Path) -> int:
    """Bytes on the disk, as noted when it was made: to look at all files after each deployment would take long."""
    try:
        return int((entry / SIZE).read_text())
    except (OSError, ValueError):
        return disk.size(entry)


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"not a name for the cache: {name!r}")
    return name
