"""Backups of the app's database: what the user's own command wrote, compressed, checked, kept.

One lies at `backups/NAME.gz`, beside the links to earlier releases, 0600. It appears there whole or not at all, and
only after it was read back from the disk and found to be what the command wrote. `outdated` is a pure choice.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
import tempfile
import time
import zlib
from pathlib import Path
from typing import IO, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Set

from turnout_host import disk, piping
from turnout_host.errors import StoreError, SurveyError, UsageError
from turnout_host.layout import Layout
from turnout_host.state import Record, State
from turnout_host.store import full_disk

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
LEVEL = 6
"""gzip's own default: half the time of 9, and 2 % larger."""
PART = ".part-"
EVERY = 2.0
"""Seconds between two reports of how much there is."""
_ZLIB_ERRORS = (OSError, EOFError, zlib.error)


class Made(NamedTuple):
    """A backup: bytes that the command wrote and their SHA-256, and bytes on the disk."""

    size: int
    digest: str
    packed: int


def file(layout: Layout, name: str) -> Path:
    """Where the backup of this name lies. Raises UsageError for what is no name."""
    if not NAME.match(name):
        raise UsageError(
            f"not a backup's name: {name!r}", reason="small letters, digits, `.`, `_` and `-`, 63 at most"
        )
    return layout.backups / f"{name}.gz"


def free_name(layout: Layout, wanted: str) -> str:
    """`wanted`, or with -2, -3 … behind it where that is taken."""
    names = (wanted if number == 1 else f"{wanted}-{number}" for number in range(1, 1000))
    return next(name for name in names if not os.path.lexists(str(file(layout, name))))


def must_be_free(layout: Layout, name: str) -> None:
    """Raises UsageError where something of this name lies: neither a backup nor a person's file is overwritten."""
    target = file(layout, name)
    if os.path.lexists(str(target)):
        raise UsageError(
            f"there is a backup {name} already", where=str(target), remedy=["choose another name"]
        )


def make(
    layout: Layout,
    name: str,
    command: str,
    cwd: Path,
    env: Mapping[str, str],
    say: Callable[[str, str], None],
) -> Made:
    """Run the user's command and keep what it writes as backup `name`; `say` gets `output` and `note` lines.

    Raises SurveyError when the command fails or writes nothing, StoreError when what lies on the disk is not that.
    """
    must_be_free(layout, name)
    target = file(layout, name)
    with full_disk(), _part(layout) as temp:
        with temp.open("wb") as raw:
            os.fchmod(raw.fileno(), 0o600)
            sink = _Sink(raw, say)
            ended = piping.drain(
                ["/bin/sh", "-c", command], cwd, env, sink.take, lambda line: say("output", line)
            )
            sink.close()
            os.fsync(raw.fileno())
            with contextlib.suppress(OSError):  # so that the check reads the disk, not the memory
                os.posix_fadvise(raw.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if ended.status:
            raise SurveyError(f"the database backup failed with status {ended.status}", tail=ended.tail)
        if not sink.size:
            raise SurveyError(
                "the database backup wrote nothing to its standard output, so there is nothing to keep",
                tail=ended.tail,
                remedy=["let `database_backup` write the backup to its standard output: see docs/backup.md"],
            )
        made = Made(sink.size, sink.digest, temp.stat().st_size)
        for _ in read(temp, made.size, made.digest):
            pass
        os.rename(str(temp), str(target))
    disk.sync_folder(target.parent)
    return made


def read(path: Path, size: int, digest: str) -> Iterator[bytes]:
    """The contents in pieces. Raises StoreError, at the end at the latest, when they are not what was kept."""
    found, count = hashlib.sha256(), 0
    try:
        with gzip.open(str(path), "rb") as stream:
            for piece in iter(lambda: stream.read(piping.PIECE), b""):
                found.update(piece)
                count += len(piece)
                yield piece
    except FileNotFoundError:
        raise StoreError(f"the backup {path.name} is not there any more", where=str(path)) from None
    except _ZLIB_ERRORS as error:
        raise StoreError(f"the backup {path.name} is hurt: {error}", where=str(path)) from None
    if (count, found.hexdigest()) != (size, digest):
        raise StoreError(
            f"the backup {path.name} is hurt: {count} bytes with another digest instead of {size}",
            where=str(path),
        )


def check(layout: Layout, record: Record) -> None:
    """Read a whole backup and compare it with what the journal says. Raises StoreError."""
    for _ in read(file(layout, str(record["name"])), int(record["size"]), str(record["digest"])):
        pass


def remove(layout: Layout, name: str) -> None:
    """Remove a backup; one that is gone already is no error."""
    with contextlib.suppress(FileNotFoundError):
        file(layout, name).unlink()


def outdated(
    state: State, running: Optional[str], keep: int, max_age: Optional[float], now: float
) -> List[str]:
    """Which backups may go: those beyond the newest `keep`, and those older than `max_age` seconds.

    Never the newest of all; never the newest one of a pinned release, the running one, or the last good one below it;
    never one that a person named, as long as its release is pinned.
    """
    newest_first = sorted(state.backups.values(), key=lambda one: -float(one["ts"]))
    stays: Set[str] = {str(one["name"]) for one in newest_first[:1]}
    dear = {running, state.serving, state.below(running), *_pinned(state)}
    for release in dear:
        stays.update([str(one["name"]) for one in newest_first if one.get("release") == release][:1])
    stays.update(
        str(one["name"]) for one in newest_first if one.get("named") and one.get("release") in _pinned(state)
    )
    return [
        str(one["name"])
        for position, one in enumerate(newest_first)
        if str(one["name"]) not in stays
        and (position >= keep or (max_age is not None and now - float(one["ts"]) > max_age))
    ]


def _pinned(state: State) -> Set[str]:
    """Releases that a person pinned. A pin that only came with an unnamed backup goes with that backup."""
    return {
        name for name, one in state.releases.items() if one.get("pinned") and not one["pinned"].get("backup")
    }


def listed(layout: Layout, state: State) -> List[Dict[str, object]]:
    """All backups for people, newest first; `there` is false when the file is gone."""
    keys = ("name", "ts", "release", "by", "why", "named", "size", "packed", "digest")
    newest_first = sorted(state.backups.values(), key=lambda one: -float(one["ts"]))
    return [
        dict({key: one.get(key) for key in keys}, there=file(layout, str(one["name"])).is_file())
        for one in newest_first
    ]


@contextlib.contextmanager
def _part(layout: Layout) -> Iterator[Path]:
    """An empty file on the file system of `backups/` (which may be a disk of its own); gone if it was not renamed."""
    for left in layout.backups.glob(PART + "*"):
        left.unlink()
    same = os.stat(str(layout.tmp)).st_dev == os.stat(str(layout.backups)).st_dev
    descriptor, temp = tempfile.mkstemp(prefix=PART, dir=str(layout.tmp if same else layout.backups))
    os.close(descriptor)
    try:
        yield Path(temp)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temp)


class _Sink:
    """Compresses, counts and hashes what comes."""

    def __init__(self, raw: IO[bytes], say: Callable[[str, str], None]) -> None:
        self.size = 0
        self._gzip = gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=raw, mtime=0)
        self._hash, self._say, self._told = hashlib.sha256(), say, time.monotonic()

    def take(self, piece: bytes) -> None:
        self._gzip.write(piece)
        self._hash.update(piece)
        self.size += len(piece)
        if time.monotonic() - self._told > EVERY:
            self._told = time.monotonic()
            self._say("note", f"{self.size / 1e6:,.1f} MB so far")

    def close(self) -> None:
        self._gzip.close()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()
