"""The contents that a host lacks, as one compressed stream of records (docs/protocol.md)."""

from __future__ import annotations

import hashlib
import zlib
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from turnout.artifact import patch
from turnout.artifact.manifest import Manifest
from turnout.artifact.pace import Pace
from turnout.errors import PackageError

if TYPE_CHECKING:
    from turnout.artifact.patch import Base

NAME = 66
"""Bytes of the field for a blob name: 64 digits and `.x`."""
WHOLE, PATCH, REST = 0, 1, 2
"""Kinds of records."""
READ = 1 << 18
"""Bytes; FACTS (SSH): pieces of 256 KiB."""
BLOCK = 1 << 18
"""Bytes of records, or of the contents they stand for, that are worth a change of threads, and a report of progress."""
SENT = 1 << 17
"""Bytes that are handed on at once, at least: to change threads for a few kB takes longer than to compress them."""
THREADS = 2
"""That make patches."""
AHEAD, MANY = 2 * patch.LIMIT, 256
"""Bytes of contents, and records, that may wait for a patch to be made: patches lie in memory until their turn."""
WINDOW_LOG = 24
"""16 MiB of history: files of one dependency lie far apart, and a host gives 64 MB at most for it."""

Sources = Sequence[tuple[Manifest, Path]]
"""Manifests, each with the folder that holds its files."""


class Compressor(Protocol):
    """What zlib and zstandard have in common."""

    def compress(self, data: bytes, /) -> bytes:
        """Take bytes in; give those that are ready."""

    def flush(self) -> bytes:
        """Give the rest and end the stream."""


def stream(
    sources: Sources,
    names: Collection[str],
    compression: str = "zstd",
    progress: Callable[[int], None] | None = None,
    bases: Mapping[str, Base] | None = None,
    begun: Mapping[str, int] | None = None,
    pace: Pace | None = None,
) -> Iterator[bytes]:
    """The blobs `names` as one compressed stream, in memory that does not grow with them.

    They go in order of their paths: what lies side by side is alike (docs/facts.md: a third fewer bytes). A blob that
    has one of `bases` goes as a patch on it, where that is smaller; one that has `begun` to arrive goes without that
    many bytes. `pace` chooses the level, again and again; a new one begins a new frame (zlib has but one level).

    `progress` is told how many bytes of contents (uncompressed, of `total`) have been read so far.
    Everything is hashed again on the way: raises PackageError when a file changed since its manifest was made.
    """
    size = total(sources, names)
    pace, done, ready = pace or Pace(size), 0, bytearray()
    level, compressor = pace.level, _compressor(compression, pace.level, size)
    with closing(_read_ahead(_blocks(_records(sources, names, bases or {}, begun or {})))) as blocks:
        for piece in blocks:
            if pace.level != level and compression == "zstd":
                ready += compressor.flush()
                level, compressor = pace.level, _compressor(compression, pace.level, size)
            ready += compressor.compress(piece.data)
            if len(ready) >= SENT:
                pace.made(len(ready))
                yield bytes(ready)
                pace.taken()
                ready.clear()
            done += piece.counts
            if progress and piece.counts:
                progress(done)
    yield bytes(ready + compressor.flush())


def lacking(manifests: Iterable[Manifest], marks: str) -> set[str]:
    """The blobs that a host has marked with a 1 in its answer about these manifests (docs/protocol.md)."""
    names = dict.fromkeys(entry.blob for manifest in manifests for entry in manifest.files)
    if len(names) != len(marks):
        raise PackageError("the host answers about other contents than it was asked for")
    return {name for name, mark in zip(names, marks, strict=True) if mark == "1"}


def total(sources: Sources, names: Iterable[str]) -> int:
    """Bytes of contents of the blobs `names`, uncompressed."""
    return sum(place.size for place in _places(sources, names))


class Place(NamedTuple):
    """Where contents lie, and their size."""

    blob: str
    path: str
    size: int


class _Piece(NamedTuple):
    """Bytes of one record or of several, and how many bytes of contents they stand for."""

    data: bytes
    counts: int


def _read_ahead(pieces: Generator[_Piece, None, None]) -> Generator[_Piece, None, None]:
    """The next one is read and hashed while one is compressed, in a thread of its own."""
    with closing(pieces), ThreadPoolExecutor(1, "read") as pool:
        coming = pool.submit(next, pieces, None)
        while piece := coming.result():
            coming = pool.submit(next, pieces, None)
            yield piece


def _blocks(pieces: Generator[_Piece, None, None]) -> Generator[_Piece, None, None]:
    """Together, so that each is worth its change of threads."""
    data, counts = bytearray(), 0
    with closing(pieces):
        for piece in pieces:
            data += piece.data
            counts += piece.counts
            if len(data) >= BLOCK or counts >= BLOCK:
                yield _Piece(bytes(data), counts)
                data, counts = bytearray(), 0
    if data or counts:
        yield _Piece(bytes(data), counts)


def _records(
    sources: Sources, names: Iterable[str], bases: Mapping[str, Base], begun: Mapping[str, int]
) -> Generator[_Piece, None, None]:
    for place, patched in _with_patches(sources, names, bases):
        name, _, size = place
        if patched:
            yield _Piece(patched.result(), size)
        elif 0 < begun.get(name, 0) <= size:
            head = _head(name, REST, size) + _head(name, WHOLE, begun[name])
            yield from _plain(place, head, begun[name])
        else:
            yield from _plain(place, _head(name, WHOLE, size), 0)


def _with_patches(
    sources: Sources, names: Iterable[str], bases: Mapping[str, Base]
) -> Iterator[tuple[Place, Future[bytes] | None]]:
    """What is sent, in order; the records of what has a base are made in threads, AHEAD of their turn."""
    waiting: deque[tuple[Place, Future[bytes] | None]] = deque()
    held = 0
    pool = ThreadPoolExecutor(THREADS, "patch")
    try:
        for place in _places(sources, names):
            base = bases.get(place.blob)
            waiting.append((place, pool.submit(_patched, place, base) if base else None))
            held += place.size
            while waiting and (held > AHEAD or len(waiting) > MANY or waiting[0][1] is None):
                held -= waiting[0][0].size
                yield waiting.popleft()
        yield from waiting
    finally:
        pool.shutdown(cancel_futures=True)


def _plain(place: Place, head: bytes, skipped: int) -> Iterator[_Piece]:
    for part in _contents(place):
        yield _Piece(head + part[skipped:], len(part))
        skipped, head = max(0, skipped - len(part)), b""
    if head:  # of contents that are empty
        yield _Piece(head, 0)


def _patched(place: Place, base: Base) -> bytes:
    data = b"".join(_contents(place))
    made = patch.if_smaller(base, data, NAME)
    if made is None:
        return _head(place.blob, WHOLE, place.size) + data
    return _head(place.blob, PATCH, place.size) + _head(base.blob, WHOLE, len(made)) + made


def _head(name: str, kind: int, size: int) -> bytes:
    return name.ljust(NAME).encode("ascii") + bytes([kind]) + size.to_bytes(7, "big")


def _contents(place: Place) -> Iterator[bytes]:
    """The file's bytes, if they are what the manifest says."""
    path, digest, left = place.path, hashlib.sha256(), place.size
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - Path costs more than the read
            while part := file.read(READ):
                left -= len(part)
                if left < 0:
                    break
                digest.update(part)
                yield part
    except OSError as error:
        raise _changed(path, error.strerror or "it cannot be read") from error
    if digest.hexdigest() != place.blob[:64]:
        raise _changed(path, "its contents are not those of the manifest")


def _changed(path: str, why: str) -> PackageError:
    return PackageError(
        f"{Path(path).name} changed while it was sent",
        where=path,
        why=why,
        remedy="the same command again; if it fails again, remove that entry of the cache",
    )


def _places(sources: Sources, names: Iterable[str]) -> Iterator[Place]:
    """Where each of these blobs lies; in the order in which they are sent."""
    left = set(names)
    for manifest, folder in sources:
        for entry in manifest.files:
            if entry.blob in left:
                left.remove(entry.blob)
                yield Place(entry.blob, f"{folder}/{entry.path}", entry.size)
    if left:
        raise PackageError(
            "the host asks for contents that are not part of this deployment", why=f"blob {left.pop()!r}"
        )


def _compressor(compression: str, level: int, size: int) -> Compressor:
    if compression == "zlib":
        return zlib.compressobj()
    if compression != "zstd":
        raise PackageError(f"unknown compression {compression!r}")
    import zstandard

    window = min(WINDOW_LOG, max(patch.SMALLEST_WINDOW, (2 * size).bit_length()))
    long = window == WINDOW_LOG
    settings = zstandard.ZstdCompressionParameters.from_level(
        level, source_size=1 << window, window_log=window, enable_ldm=long
    )  # without a size level 19 takes 80 MB for a few kB
    return zstandard.ZstdCompressor(compression_params=settings).compressobj()
