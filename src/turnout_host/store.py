"""The content store (DESIGN 5): every file once, by the SHA-256 of its contents, shared by releases as hard links.

A blob is hashed when it comes in and again before it is linked: root ignores file modes, and an edit in place
would change every release. A hurt one is set aside, so that the next upload sends it again.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Collection, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from turnout_host import disk, incoming, manifest
from turnout_host.compare import differences, hash_file
from turnout_host.compression import decompressor
from turnout_host.errors import StoreError, SurveyError
from turnout_host.layout import Layout, check_blob
from turnout_host.manifest import Entry

HURT = ".hurt"
_COPY = (errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP)


class Store:
    """The blobs and manifests of one app."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._root = str(layout.store)

    # what is there

    def has(self, name: str) -> bool:
        """Is this blob here?"""
        return _there(self._blob(name))

    def whole(self, entries: Iterable[Entry]) -> bool:
        """Are all contents of this tree here?"""
        return all(self.has(entry.blob) for entry in entries if entry.kind == "f")

    def begun(self, name: str) -> int:
        """How many bytes of this blob came before a link was cut."""
        try:
            return incoming.begun_path(self._layout, name).stat().st_size
        except FileNotFoundError:
            return 0

    def unsound(self, names: Iterable[str]) -> List[str]:
        """Hash blobs; return those that are missing or hurt. A hurt one is set aside as `<name>.hurt`."""
        return [name for name in names if not self._sound(name)]

    def _blob(self, name: str) -> str:
        """As Layout.blob, as a text: of a large tree all are asked for, again and again."""
        return f"{self._root}/{check_blob(name)[:2]}/{name}"

    def _sound(self, name: str) -> bool:
        path = self._blob(name)
        try:
            if hash_file(path) == name[:64]:
                return True
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        if _there(path):
            os.rename(path, path + HURT)
        return False

    def disk(self) -> Dict[str, int]:
        """Free and total bytes, and free inodes, of the file system that holds the store."""
        return disk.space(self._layout.own)

    # manifests

    def keep_text(self, text: bytes) -> str:
        """Keep the text of a manifest that is known to be right; its digest."""
        digest = manifest.digest(text)
        with full_disk():
            disk.write(self._layout.manifest(digest), text, 0o644, self._layout.tmp)
        return digest

    def manifest(self, digest: str) -> Iterator[Entry]:
        """A kept manifest, its digest checked again. Raises StoreError when it is missing or hurt."""
        return listed(self._opened(digest))

    def manifest_text(self, digest: str) -> bytes:
        """Its text; likewise."""
        with self._opened(digest) as file:
            return file.read()

    def _opened(self, digest: str) -> IO[bytes]:
        path = self._layout.manifest(digest)
        try:
            file = opened(path, digest)
            if file is not None:
                return file
            os.rename(str(path), str(path) + HURT)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EIO):
                raise
        raise StoreError(
            f"the manifest {digest[:16]}… is missing or hurt", remedy=["deploy again: it is sent anew"]
        )

    # uploads

    def receive(self, chunks: Iterator[bytes], compression: str) -> Tuple[int, int]:
        """Take an upload in: how many blobs and how many bytes of contents were kept.

        Raises StoreError for a stream that is cut short, malformed, or holds contents that do not match their name.
        What arrived whole before that stays, so that the next upload sends the rest only.
        """
        reader = decompressor(compression)
        with full_disk(), incoming.receiving(self._layout) as records:
            started = False
            for chunk in chunks:
                started = True
                for piece in reader.feed(chunk):
                    records.take(piece)
            records.end(reader.finished or not started)
        return records.count, records.bytes

    # trees

    def lay(self, entries: Iterable[Entry], folder: Path, sealed: bool = False) -> None:
        """Make `folder` hold this tree, whole or not at all. Raises StoreError, `lacking` in its detail, for bad blobs.

        `sealed` makes its folders read-only (0555); its files are so anyway.
        """
        with full_disk(), disk.placed(folder, self._layout.tmp, sealed) as temp:
            self.fill(entries, temp)

    def fill(self, entries: Iterable[Entry], folder: Path) -> None:
        """Lay a tree in an empty folder; see `lay`. After bad blobs what is there is not whole."""
        root = str(folder)
        hashed: Set[bytes] = set()
        bad: List[str] = []
        for entry in entries:
            path = f"{root}/{entry.path}"
            if entry.kind == "d":
                os.mkdir(path)
                os.chmod(path, disk.OPEN)  # whatever the umask
            elif entry.kind == "l":
                os.symlink(entry.target, path)
            else:
                key = manifest.key(entry.blob)
                if key not in hashed and not self._sound(entry.blob):
                    bad.append(entry.blob)
                hashed.add(key)
                if not bad:
                    _link(self._blob(entry.blob), path)
        if bad:
            raise StoreError(
                f"{len(bad)} of the contents are missing or hurt, the first is {bad[0][:16]}…",
                lacking=bad,
                remedy=["deploy again: what is hurt was set aside and is sent anew"],
            )

    def verify(self, entries: Iterable[Entry], folder: Path, ignore: Collection[str] = ()) -> List[str]:
        """How `folder` differs from this tree; see compare.differences."""
        return differences(entries, folder, ignore)

    # what is no longer needed

    def collect(self, needed: Collection[bytes], linked_too: bool = True) -> Tuple[int, int]:
        """Remove blobs but for the `needed` (their keys), and hurt ones: how many, and the bytes of disk given back.

        A blob that a release still links gives back nothing; it stays unless `linked_too`.
        """
        count, freed = 0, 0
        for shelf in list(self._layout.store.iterdir()):
            for path in list(shelf.iterdir()):
                if _among(path.name, needed):
                    continue
                info = path.lstat()
                if info.st_nlink > 1 and not linked_too:
                    continue
                path.unlink()
                count += 1
                freed += info.st_blocks * 512 if info.st_nlink == 1 else 0
        return count, freed


def opened(path: Path, digest: str) -> Optional[IO[bytes]]:
    """A kept manifest; None when it is hurt. Raises OSError."""
    return path.open("rb") if hash_file(str(path)) == digest else None


def listed(file: IO[bytes]) -> Iterator[Entry]:
    """Its entries, read when they are wanted."""
    with file:
        yield from manifest.parse(file)


@contextmanager
def full_disk() -> Iterator[None]:
    """Tell a full disk or quota, or a read-only file system, as what it is: a host that cannot take this release."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        remedy = ["see what takes the space: df -h; df -i", "then deploy again: what arrived is kept"]
        raise SurveyError(
            f"the disk of this host cannot be written: {error.strerror}", remedy=remedy
        ) from error


def _among(name: str, keys: Collection[bytes]) -> bool:
    try:
        return manifest.key(name) in keys
    except ValueError:  # put there by a hand
        return False


def _there(path: str) -> bool:
    """Raises OSError where that cannot be said: os.path.exists would say no."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True


def _link(blob: str, path: str) -> None:
    """Hard link, or copy where that cannot be: too many links, another file system, or one without links."""
    try:
        os.link(blob, path)
    except OSError as error:
        if error.errno not in _COPY:
            raise
        shutil.copyfile(blob, path)
        shutil.copymode(blob, path)
