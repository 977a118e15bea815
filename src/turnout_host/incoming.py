"""An upload on its way into the store: records (docs/protocol.md), each hashed while it is written.

They gather in a folder of their own and move into the store in batches, each batch synced before: so a blob that
is in the store is whole, also after a power cut, and an upload that was cut off is not lost.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Iterator, List, NamedTuple, Optional

from turnout_host import disk, failpoints, patching
from turnout_host.errors import StoreError, UsageError
from turnout_host.layout import Layout, check_blob
from turnout_host.protocol import Gone

NAME, HEAD, READ = 66, 74, 1 << 20
WHOLE, PATCH, REST = 0, 1, 2
BEGUN = ".part"
"""Behind the name of contents whose beginning has come; collected like all that no release needs."""
WORTH = 1 << 20
"""Bytes of a beginning that are worth keeping."""
BATCH_BLOBS, BATCH_BYTES = 1024, 32 << 20
"""What may be lost when the host or this program is killed: one sync of the file system for each batch."""


@contextmanager
def receiving(layout: Layout) -> Iterator[Records]:
    """Take records; what arrived whole is kept however it ends."""
    with disk.scratch(layout.tmp, "upload") as folder:
        records = Records(layout, folder)
        try:
            yield records
        except BaseException as error:
            with suppress(OSError):  # the disk may be full or gone: the first error tells more
                records.drop(isinstance(error, Gone))
                records.keep()
            raise
        records.keep()


class Head(NamedTuple):
    """What a record begins with: name, kind, bytes of contents. Patches and rests have a second one: what is here."""

    name: str
    kind: int
    size: int


class Records:
    """The reader of one stream, fed in pieces of any size. `count` and `bytes` are what was kept so far."""

    def __init__(self, layout: Layout, folder: Path) -> None:
        self.count, self.bytes = 0, 0
        self._layout, self._folder = layout, folder
        self._raw, self._need = bytearray(), HEAD
        self._head = Head("", WHOLE, 0)
        self._file: Optional[IO[bytes]] = None
        self._left = 0
        self._sha = hashlib.sha256()
        self._waiting: List[str] = []
        self._waiting_bytes = 0

    def take(self, piece: bytes) -> None:
        """Read on. Raises StoreError for what is malformed or does not match its name.

        `bases` in its detail: a patch could not be used; the same contents sent whole may be.
        """
        view = memoryview(piece)
        while view:
            if self._file is None:
                wanted = self._need - len(self._raw)
                self._raw += view[:wanted]
                view = view[wanted:]
                if len(self._raw) == self._need:
                    self._begin()
            else:
                part = view[: self._left]
                view = view[self._left :]
                self._write(part)

    def end(self, finished: bool) -> None:
        """The stream is over; raises StoreError when it is cut short. `finished`: its compression saw its end."""
        if self._file is not None or self._raw or not finished:
            self.drop(cut=True)
            raise StoreError("the upload was cut short", remedy=["deploy again: what arrived is kept"])

    def drop(self, cut: bool = False) -> None:
        """Give up the record under way; on a full disk its bytes are what the whole ones need to be kept.

        If the link was `cut`, a long beginning stays, so that only the rest must come.
        """
        if self._file is None:
            return
        with suppress(OSError):
            self._file.close()
        self._file = None
        if cut and self._head.size - self._left >= WORTH:
            begun = begun_path(self._layout, self._head.name)
            begun.parent.mkdir(exist_ok=True)
            os.rename(self._next(), str(begun))
        else:
            os.unlink(self._next())

    def keep(self) -> None:
        """Move what waits into the store: on the disk first, then under its name."""
        if not self._waiting:
            return
        names, self._waiting = self._waiting, []
        # where it fails they are lost: a second sync would say yes, and write nothing
        disk.sync(self._folder)
        failpoints.middle()
        self._waiting = names
        for number, name in enumerate(names):
            _place(f"{self._folder}/{number}", f"{self._layout.store}/{name[:2]}", name)
        self.count += len(self._waiting)
        self.bytes += self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0

    def _begin(self) -> None:
        """A head, a patch's second head, or a whole patch has come."""
        if len(self._raw) == HEAD:
            self._head = _head(self._raw)
        if self._head.kind == WHOLE:
            self._open()
            self._write(memoryview(b""))
        elif len(self._raw) == HEAD:
            self._need = 2 * HEAD
        elif self._head.kind == REST:
            self._go_on(_head(self._raw[HEAD:]).size)
        elif self._need == 2 * HEAD:
            self._need += _head(self._raw[HEAD:]).size
            if not 2 * HEAD < self._need <= 2 * HEAD + patching.LIMIT:
                raise StoreError("a patch of the upload is empty or too long")
        else:
            self._patch(_head(self._raw[HEAD : 2 * HEAD]).name)

    def _patch(self, base: str) -> None:
        try:
            path = self._layout.blob(base)
            if path.stat().st_size > patching.LIMIT:
                raise StoreError("the base of a patch is too long")
            data = patching.apply(path.read_bytes(), bytes(self._raw[2 * HEAD :]), self._head.size)
        except (StoreError, OSError) as error:
            message = getattr(error, "message", f"the contents {base[:16]}… cannot be read here any more")
            raise StoreError(message, bases=[base]) from None
        if hashlib.sha256(data).hexdigest() != self._head.name[:64]:
            raise StoreError(f"a patch on {base[:16]}… does not give what it should", bases=[base])
        self._open()
        self._write(data)

    def _go_on(self, there: int) -> None:
        """The first `there` bytes came before the link was cut; they are hashed with the rest."""
        if there > self._head.size:
            raise StoreError("a rest of the upload begins behind its end")
        try:
            os.rename(str(begun_path(self._layout, self._head.name)), self._next())
        except FileNotFoundError:
            raise StoreError("what came before the cut is gone", bases=[self._head.name]) from None
        self._open("r+b")
        assert self._file is not None
        while self._left > self._head.size - there:
            part = self._file.read(min(READ, self._left - self._head.size + there))
            if not part:
                raise StoreError("less came before the cut than was said", bases=[self._head.name])
            self._sha.update(part)
            self._left -= len(part)
        self._file.truncate(there)
        self._write(memoryview(b""))

    def _open(self, mode: str = "wb") -> None:
        self._raw, self._need = bytearray(), HEAD
        self._left, self._sha = self._head.size, hashlib.sha256()
        self._file = open(self._next(), mode)  # noqa: SIM115 - it stays open from one piece to the next

    def _write(self, part: memoryview) -> None:
        assert self._file is not None
        self._sha.update(part)
        self._file.write(part)
        self._left -= len(part)
        if self._left == 0:
            self._shut()

    def _next(self) -> str:
        """A text, as in `keep`: to join paths costs as much as to write a small file."""
        return f"{self._folder}/{len(self._waiting)}"

    def _shut(self) -> None:
        assert self._file is not None
        mode = 0o555 if self._head.name.endswith(".x") else 0o444
        os.fchmod(self._file.fileno(), mode)
        self._file.close()
        self._file = None
        if self._sha.hexdigest() != self._head.name[:64]:
            bases = {"bases": [self._head.name]} if self._head.kind == REST else {}
            raise StoreError(
                f"contents arrived that do not match their digest {self._head.name[:16]}…", **bases
            )
        self._waiting.append(self._head.name)
        self._waiting_bytes += self._head.size
        if len(self._waiting) >= BATCH_BLOBS or self._waiting_bytes >= BATCH_BYTES:
            self.keep()


def begun_path(layout: Layout, name: str) -> Path:
    """Where the beginning of contents is kept whose link was cut."""
    path = layout.blob(name)
    return path.with_name(path.name + BEGUN)


def _place(file: str, shelf: str, name: str) -> None:
    try:
        os.rename(file, f"{shelf}/{name}")
    except FileNotFoundError:
        os.mkdir(shelf)
        os.rename(file, f"{shelf}/{name}")


def _head(raw: bytearray) -> Head:
    try:
        name = raw[:NAME].decode("ascii").rstrip(" ")
        check_blob(name)
    except (UnicodeDecodeError, UsageError):
        raise StoreError("a record of the upload has no blob name") from None
    head = Head(name, raw[NAME], int.from_bytes(raw[NAME + 1 : HEAD], "big"))
    if head.kind not in (WHOLE, PATCH, REST):
        raise StoreError("a record of the upload is of an unknown kind")
    return head
