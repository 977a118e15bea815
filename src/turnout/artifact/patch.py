"""Patches (docs/protocol.md): new contents as a zstd frame that leans on older ones which the host has."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from turnout.artifact.manifest import Manifest
    from turnout.artifact.tree import Tree

LIMIT = 4 << 20
"""Bytes of old and of new contents, at most, as on the host, where all of it lies in memory."""
LEVEL = 9
"""docs/facts.md: 12 saves 2 % for twice the memory, higher ones take ten times as long, lower ones lose long bases."""
FASTEST = 1
SURELY = 16
"""A patch that many times smaller than the contents is taken without asking how small they get by themselves."""
SMALLEST_WINDOW = 10


class Base(NamedTuple):
    """Older contents, in the host's store and on this machine."""

    blob: str
    path: Path

    def read(self) -> bytes | None:
        """The contents, or None when the file is no longer what its name says."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == self.blob[:64] else None


def make(base: bytes, new: bytes) -> bytes:
    """What turns `base` into `new`."""
    import zstandard

    window = max(SMALLEST_WINDOW, (len(base) + len(new)).bit_length())
    settings = zstandard.ZstdCompressionParameters.from_level(LEVEL, window_log=window)
    older = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdCompressor(compression_params=settings, dict_data=older).compress(new)


def if_smaller(base: Base, new: bytes, overhead: int) -> bytes | None:
    """The patch, if with `overhead` bytes it is smaller than the contents by themselves."""
    old = base.read()
    if not old:
        return None
    import zstandard

    patch = make(old, new)
    size = len(patch) + overhead
    if size * SURELY < len(new) or size < len(zstandard.ZstdCompressor(level=FASTEST).compress(new)):
        return patch
    return None


def pairs(old: Tree, new: Manifest) -> dict[str, Base]:
    """For blobs of `new` that `old` has in another version, at the same path: that version."""
    found: dict[str, Base] = {}
    before = old.manifest.files
    older = next(before, None)
    for entry in new.files:
        while older and older.path < entry.path:  # both are in order
            older = next(before, None)
        if older is None or older.path != entry.path or older.blob == entry.blob:
            continue
        if 0 < older.size <= LIMIT and 0 < entry.size <= LIMIT:
            found.setdefault(entry.blob, Base(older.blob, old.folder / older.path))
    return found


def offer(new: Manifest, base: Manifest | None = None) -> dict[str, object]:
    """A manifest as it travels: as a patch on one that the host has, if there is one and that is smaller."""
    if base is not None:
        patch = base64.b64encode(make(base.text, new.text)).decode()
        if len(patch) * SURELY < len(new.text) or len(patch) < len(new.packed):
            return {"digest": new.digest, "base": base.digest, "patch": patch, "size": len(new.text)}
    return {"digest": new.digest, "packed": new.packed}
