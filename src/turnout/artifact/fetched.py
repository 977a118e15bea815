"""Contents that come back from a host: the records of an upload (docs/protocol.md), each checked by its digest."""

from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

from turnout.artifact.stream import NAME
from turnout.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE = 8
PIECE = 1 << 20
"""Bytes that are unpacked at once."""


class Fetched:
    """Takes events in and writes files. `places` says where each blob goes and how long it is; nothing else is kept."""

    def __init__(self, places: Mapping[str, tuple[str, int]]) -> None:
        self._left = dict(places)
        self._reader = zlib.decompressobj()
        self._head = b""
        self._file: IO[bytes] | None = None
        self._name, self._wanted, self._sha = "", 0, hashlib.sha256()
        self._error: PackageError | None = None

    def hear(self, event: dict[str, object]) -> None:
        """Take one event of `give`; what is wrong with it is raised by `end`."""
        if event.get("kind") != "data" or self._error:
            return
        try:
            self._unpack(base64.b64decode(str(event.get("data")), validate=True))
        except (ValueError, zlib.error, OSError) as error:
            self._error = PackageError(f"contents could not be taken in: {error}")
        except PackageError as error:
            self._error = error

    def end(self) -> None:
        """Raise PackageError unless everything that was asked for has come, whole."""
        if self._file:
            self._file.close()
        if self._error:
            raise self._error
        if self._left or self._head or not self._reader.eof:
            raise PackageError(
                f"{len(self._left)} of the contents did not come back", remedy="the same command again"
            )

    def _unpack(self, data: bytes) -> None:
        while data:
            self._take(memoryview(self._reader.decompress(data, PIECE)))
            data = self._reader.unconsumed_tail

    def _take(self, view: memoryview) -> None:
        while view:
            if self._file is None:
                cut = NAME + SIZE - len(self._head)
                self._head, view = self._head + bytes(view[:cut]), view[cut:]
                if len(self._head) == NAME + SIZE:
                    self._open()
            else:
                part, view = view[: self._wanted], view[self._wanted :]
                self._sha.update(part)
                self._file.write(part)
                self._wanted -= len(part)
                self._shut()

    def _open(self) -> None:
        name = self._head[:NAME].decode("ascii", "replace").rstrip(" ")
        size, self._head = int.from_bytes(self._head[NAME:], "big"), b""
        if name not in self._left or self._left[name][1] != size:
            raise PackageError(f"contents came that nobody asked for: {name[:16]!r}")
        path = Path(self._left[name][0])
        path.parent.mkdir(parents=True, exist_ok=True)
        self._name, self._wanted, self._sha = name, size, hashlib.sha256()
        self._file = path.open("wb")
        self._shut()

    def _shut(self) -> None:
        if self._wanted or self._file is None:
            return
        self._file.close()
        self._file = None
        path, _ = self._left.pop(self._name)
        if self._sha.hexdigest() != self._name[:64]:
            Path(path).unlink()
            raise PackageError(f"contents came back that do not match their digest {self._name[:16]}…")
