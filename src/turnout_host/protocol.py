"""Frames on standard input and output (docs/protocol.md)."""

from __future__ import annotations

import json
import os
import select
import struct
import threading
from typing import Any, Dict, NamedTuple

MAGIC = b"TNO1"
HEADER = struct.Struct(">4ssI")
LIMIT = 64 << 20
SILENCE = 15.0
"""Seconds without a frame after which the deployer counts as gone (FACTS: a cut leaves the remote process alive)."""


class Gone(Exception):
    """The deployer closed the channel, fell silent, or spoke nonsense."""


class Frame(NamedTuple):
    """One frame: `kind` is b"J" or b"D"."""

    kind: bytes
    payload: bytes

    def json(self) -> Dict[str, Any]:
        """The object of a J frame."""
        value = json.loads(self.payload.decode("utf-8"))
        if not isinstance(value, dict):
            raise Gone("a frame that is no object")
        return value


class Channel:
    """Reads frames from one descriptor and writes them to another; writes may come from any thread."""

    def __init__(self, source: int, sink: int, silence: float = SILENCE) -> None:
        self._source, self._sink, self._silence = source, sink, silence
        self._lock = threading.Lock()
        self._deaf = False
        os.set_blocking(sink, False)

    def read(self) -> Frame:
        """The next frame. Raises Gone on end-of-file, silence, or a wrong magic number."""
        magic, kind, length = HEADER.unpack(self._exactly(HEADER.size))
        if magic != MAGIC or length > LIMIT:
            raise Gone("not a frame")
        return Frame(kind, self._exactly(length))

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            ready, _, _ = select.select([self._source], [], [], self._silence)
            if not ready:
                raise Gone(f"no frame for {self._silence:.0f} s")
            try:
                part = os.read(self._source, min(count, 1 << 20))
            except OSError as error:  # a socket whose other end was closed with our words unread is reset
                raise Gone(str(error)) from None
            if not part:
                raise Gone("end of file")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def send(self, message: Dict[str, Any]) -> None:
        """Write one J frame. A deployer that is gone is not an error here: the reader finds out.

        One that takes nothing for `silence` seconds is gone too; from then on nothing is written, or the reader,
        which answers pings, would hang where nobody could notice.
        """
        payload = json.dumps(message, separators=(",", ":")).encode("utf-8")
        data = memoryview(HEADER.pack(MAGIC, b"J", len(payload)) + payload)
        with self._lock:
            try:
                while data and not self._deaf:
                    _, ready, _ = select.select([], [self._sink], [], self._silence)
                    self._deaf = not ready
                    if ready:
                        data = data[self._some(data) :]
            except OSError:
                self._deaf = True

    def _some(self, data: memoryview) -> int:
        try:
            return os.write(self._sink, data)
        except BlockingIOError:  # ready, yet not for this much
            return 0
