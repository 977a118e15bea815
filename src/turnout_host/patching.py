"""Patches (docs/protocol.md): a zstd frame that leans on contents which are here already.

All of it lies in memory, hence LIMIT: base, patch and result stay far below 64 MB.
"""

from __future__ import annotations

import ctypes
from typing import Any

from turnout_host.compression import libzstd
from turnout_host.errors import StoreError

LIMIT = 4 << 20
"""Bytes of a base, of a patch and of what it gives, at most; what is longer comes whole."""


def apply(base: bytes, patch: bytes, size: int, limit: int = LIMIT) -> memoryview:
    """What `patch` makes of `base`, which must be `size` bytes long; its digest is for the caller to check.

    Raises StoreError for what is too long or no patch on this base, or when this host has no zstd.
    """
    library = libzstd()
    if library is None:
        raise StoreError("this host has no libzstd for patches")
    if max(len(base), len(patch), size) > limit:
        raise StoreError("a patch is too long")
    address = library.ZSTD_createDStream()
    if not address:
        raise MemoryError("ZSTD_createDStream")
    reader = ctypes.c_void_p(address)
    try:
        return _applied(library, reader, base, patch, size)
    finally:
        library.ZSTD_freeDStream(reader)


def _applied(library: Any, reader: ctypes.c_void_p, base: bytes, patch: bytes, size: int) -> memoryview:
    sink = ctypes.create_string_buffer(max(size, 1))
    code = library.ZSTD_DCtx_refPrefix(reader, base, len(base))
    if not library.ZSTD_isError(code):
        code = library.ZSTD_decompressDCtx(reader, sink, size, patch, len(patch))
    if library.ZSTD_isError(code):
        name = library.ZSTD_getErrorName(code).decode("ascii", "replace")
        raise StoreError(f"a patch cannot be applied: {name}")
    if code != size:
        raise StoreError("a patch gives less than it says")
    return memoryview(sink).cast("B")[:size]
