"""Reading an upload's compressed stream, in pieces of bounded size: zstd by libzstd where the host has it, else zlib.

Python has no zstd before 3.14; `libzstd.so.1` is there wherever apt is (FACTS, "SSH").
"""

from __future__ import annotations

import ctypes
import weakref
import zlib
from typing import Any, Iterator, List, Optional

from turnout_host.errors import StoreError, UsageError

PIECE = 1 << 18
"""Bytes of one decompressed piece, at most: a small frame may stand for gigabytes."""
WINDOW_LOG = 27
"""Windows up to 128 MiB; ZSTD_d_windowLogMax is parameter 100 in zstd.h."""


class Decompressor:
    """What both have: `feed` compressed bytes and take pieces; `finished` while it stands at the stream's own end."""

    finished = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` decompresses to. Raises StoreError when it is no such stream."""
        raise NotImplementedError


class Zlib(Decompressor):
    """A zlib stream."""

    def __init__(self) -> None:
        self._reader = zlib.decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See Decompressor."""
        if self.finished and data:
            raise StoreError("the upload goes on after its end")
        while data:
            try:
                piece = self._reader.decompress(data, PIECE)
            except zlib.error as error:
                raise StoreError(f"the upload is not a zlib stream: {error}") from None
            self.finished = self._reader.eof
            if piece:
                yield piece
            if self._reader.unused_data:
                raise StoreError("the upload goes on after its end")
            data = self._reader.unconsumed_tail


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer are alike."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t))


class Zstd(Decompressor):
    """A zstd stream: one frame or several, one after another (each may have a level of its own)."""

    def __init__(self) -> None:
        library = libzstd()
        if library is None:
            raise UsageError("this host has no libzstd")
        self._library = library
        address = library.ZSTD_createDStream()
        if not address:
            raise MemoryError("ZSTD_createDStream")
        self._stream = ctypes.c_void_p(address)
        weakref.finalize(self, library.ZSTD_freeDStream, self._stream)
        self._check(library.ZSTD_DCtx_setParameter(self._stream, 100, WINDOW_LOG))
        self._space = ctypes.create_string_buffer(PIECE)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See Decompressor."""
        source = _Buffer(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data), 0)
        full = True  # zstd.h: a full sink means that more may be waiting inside, even when all input is read
        while source.pos < source.size or (full and not self.finished):
            sink = _Buffer(ctypes.cast(self._space, ctypes.c_void_p), PIECE, 0)
            step = self._library.ZSTD_decompressStream
            left = self._check(step(self._stream, ctypes.byref(sink), ctypes.byref(source)))
            self.finished = left == 0
            full = sink.pos == PIECE
            if sink.pos:
                yield ctypes.string_at(self._space, sink.pos)

    def _check(self, code: int) -> int:
        if self._library.ZSTD_isError(code):
            name = self._library.ZSTD_getErrorName(code).decode("ascii", "replace")
            raise StoreError(f"the upload is not a zstd stream: {name}")
        return code


_loaded: List[Optional[Any]] = []


def libzstd() -> Optional[Any]:
    """The library with the functions that are used here and in `patching`, else None."""
    if not _loaded:
        _loaded.append(_load())
    return _loaded[0]


def _load() -> Optional[Any]:
    try:
        library = ctypes.CDLL("libzstd.so.1")
        buffer = ctypes.POINTER(_Buffer)
        library.ZSTD_createDStream.restype = ctypes.c_void_p
        library.ZSTD_freeDStream.argtypes = [ctypes.c_void_p]
        library.ZSTD_freeDStream.restype = ctypes.c_size_t
        library.ZSTD_DCtx_setParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        library.ZSTD_DCtx_setParameter.restype = ctypes.c_size_t
        library.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, buffer, buffer]
        library.ZSTD_decompressStream.restype = ctypes.c_size_t
        library.ZSTD_DCtx_refPrefix.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
        library.ZSTD_DCtx_refPrefix.restype = ctypes.c_size_t
        library.ZSTD_decompressDCtx.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t,
        ]  # fmt: skip
        library.ZSTD_decompressDCtx.restype = ctypes.c_size_t
        library.ZSTD_isError.argtypes = [ctypes.c_size_t]
        library.ZSTD_isError.restype = ctypes.c_uint
        library.ZSTD_getErrorName.argtypes = [ctypes.c_size_t]
        library.ZSTD_getErrorName.restype = ctypes.c_char_p
    except (OSError, AttributeError):  # not there, or older than 1.4
        return None
    return library


def available() -> List[str]:
    """The compressions that this host can read, best first."""
    return ["zstd", "zlib"] if libzstd() is not None else ["zlib"]


def decompressor(name: str) -> Decompressor:
    """A reader for one stream. Raises UsageError for a compression that is unknown or not available here."""
    if name == "zstd":
        return Zstd()
    if name == "zlib":
        return Zlib()
    raise UsageError(f"unknown compression: {name!r}")
