"""Frames over a link (docs/protocol.md): the deployer's half of turnout_host.protocol."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from turnout.hosts.base import LinkLost

if TYPE_CHECKING:
    from turnout.hosts.base import Link

MAGIC = b"TNO1"
HEADER = struct.Struct(">4ssI")
LIMIT = 64 << 20
"""Bytes of one payload, at most."""
NOISE = 64 << 10
"""Bytes before the first frame, at most (FACTS: a .bashrc may print)."""
PIECE = 256 << 10
"""Bytes of one D frame, at most (FACTS: write + drain in pieces of this size)."""


class Frame(NamedTuple):
    """One frame: `kind` is b"J" or b"D"."""

    kind: bytes
    payload: bytes

    def json(self) -> dict[str, Any]:
        """The object of a J frame. Raises LinkLost when it is none."""
        try:
            value = json.loads(self.payload)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise LinkLost("the host sent a frame that is no JSON object")
        return value


class Wire:
    """Reads and writes frames on one link and counts what it writes."""

    def __init__(self, link: Link) -> None:
        self.bytes_sent = 0
        self.noise = b""
        """What came before the first frame."""
        self._link = link
        self._buffer = bytearray()
        self._begun = False
        self._lock = asyncio.Lock()

    async def read(self) -> Frame:
        """The next frame; a cancelled read loses nothing. Raises LinkLost at the end and on a wrong magic number."""
        if not self._begun:
            await self._skip_noise()
        await self._fill(HEADER.size)
        magic, kind, length = HEADER.unpack_from(self._buffer)
        if magic != MAGIC or length > LIMIT:
            raise LinkLost("the host sent something that is no frame")
        await self._fill(HEADER.size + length)
        payload = bytes(self._buffer[HEADER.size : HEADER.size + length])
        del self._buffer[: HEADER.size + length]
        return Frame(kind, payload)

    async def _skip_noise(self) -> None:
        at = -1
        try:
            while (at := self._buffer.find(MAGIC)) < 0:
                if len(self._buffer) > NOISE:
                    raise LinkLost(f"it sent {NOISE >> 10} kB of text and no frame")
                await self._more()
        finally:
            self.noise = bytes(self._buffer if at < 0 else self._buffer[:at])
        del self._buffer[:at]
        self._begun = True

    async def _fill(self, count: int) -> None:
        while len(self._buffer) < count:
            await self._more()

    async def _more(self) -> None:
        data = await self._link.read(1 << 16)
        if not data:
            raise LinkLost("the host closed the link")
        self._buffer += data

    async def send(self, message: dict[str, Any]) -> None:
        """Write one J frame."""
        await self._frame(b"J", json.dumps(message, separators=(",", ":")).encode())

    async def data(self, chunk: bytes) -> None:
        """Write one D frame of at most PIECE bytes."""
        await self._frame(b"D", chunk)

    async def raw(self, data: bytes) -> None:
        """Write bytes as they are: what the loader reads."""
        async with self._lock:
            self.bytes_sent += len(data)
            await self._link.write(data)

    async def _frame(self, kind: bytes, payload: bytes) -> None:
        await self.raw(HEADER.pack(MAGIC, kind, len(payload)) + payload)
