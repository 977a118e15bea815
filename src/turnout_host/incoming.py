"""An upload on its way into the store: records (docs/protocol.md), each hashed while it is written.

They gather in a folder of their own and move into the store in batches, each batch synced before: so a blob that
is in the store is whole, also after a power cut, and an upload that was cut off is not lost.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Iterator, List, Optional

from turnout_host import disk, failpoints
from turnout_host.errors import StoreError, UsageError
from turnout_host.layout import Layout

NAME, SIZE = 66, 8
BATCH_BLOBS, BATCH_BYTES = 256, 32 << 20
"""What may be lost to a cut: one sync of the file system for each batch."""


@contextmanager
def receiving(layout: Layout) -> Iterator[Records]:
    """Take records; what arrived whole is kept however it ends."""
    with disk.scratch(layout.tmp, "upload") as folder:
        records = Records(layout, folder)
        try:
            yield records
        except BaseException:
            with suppress(OSError):  # the disk may be full or gone: the first error tells more
                records.drop()
                records.keep()
            raise
        records.keep()


class Records:
    """The reader of one stream, fed in pieces of any size. `count` and `bytes` are what was kept so far."""

    def __init__(self, layout: Layout, folder: Path) -> None:
        self.count, self.bytes = 0, 0
        self._layout, self._folder = layout, folder
        self._head = b""
        self._file: Optional[IO[bytes]] = None
        self._name, self._size, self._left = "", 0, 0
        self._sha = hashlib.sha256()
        self._waiting: List[str] = []
        self._waiting_bytes = 0

    def take(self, piece: bytes) -> None:
        """Read on. Raises StoreError for what is malformed or does not match its name."""
        view = memoryview(piece)
        while view:
            if self._file is None:
                wanted = NAME + SIZE - len(self._head)
                self._head += bytes(view[:wanted])
                view = view[wanted:]
                if len(self._head) == NAME + SIZE:
                    self._open()
            else:
                part = view[: self._left]
                view = view[self._left :]
                self._sha.update(part)
                self._file.write(part)
                self._left -= len(part)
            if self._file is not None and self._left == 0:
                self._shut()

    def end(self, finished: bool) -> None:
        """The stream is over; raises StoreError when it is cut short. `finished`: its compression saw its end."""
        if self._file is not None or self._head or not finished:
            raise StoreError("the upload was cut short", remedy=["deploy again: what arrived is kept"])

    def drop(self) -> None:
        """Give up the record under way; on a full disk its bytes are what the whole ones need to be kept."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
            self._next().unlink()

    def keep(self) -> None:
        """Move what waits into the store: on the disk first, then under its name."""
        if not self._waiting:
            return
        disk.sync(self._folder)
        failpoints.middle()
        for number, name in enumerate(self._waiting):
            target = self._layout.blob(name)
            target.parent.mkdir(exist_ok=True)
            os.rename(str(self._folder / str(number)), str(target))
        self.count += len(self._waiting)
        self.bytes += self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0

    def _open(self) -> None:
        try:
            name = self._head[:NAME].decode("ascii").rstrip(" ")
            self._layout.blob(name)
        except (UnicodeDecodeError, UsageError):
            raise StoreError("a record of the upload has no blob name") from None
        self._name, self._size = name, int.from_bytes(self._head[NAME:], "big")
        self._left, self._head = self._size, b""
        self._sha = hashlib.sha256()
        self._file = self._next().open("wb")

    def _next(self) -> Path:
        return self._folder / str(len(self._waiting))

    def _shut(self) -> None:
        assert self._file is not None
        mode = 0o555 if self._name.endswith(".x") else 0o444
        os.fchmod(self._file.fileno(), mode)
        self._file.close()
        self._file = None
        if self._sha.hexdigest() != self._name[:64]:
            raise StoreError(f"contents arrived that do not match their digest {self._name[:16]}…")
        self._waiting.append(self._name)
        self._waiting_bytes += self._size
        if len(self._waiting) >= BATCH_BLOBS or self._waiting_bytes >= BATCH_BYTES:
            self.keep()
