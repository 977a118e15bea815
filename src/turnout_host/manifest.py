"""Manifests (docs/protocol.md): which folders, files and links make a tree. Pure; trusts nothing that it reads."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from typing import Dict, List, NamedTuple, Set

from turnout_host.errors import StoreError

LIMIT = 64 << 20
"""Bytes of text: 17,860 files (FACTS) make about 2 MB; more than this is a mistake or an attack."""

_FILE = re.compile(r"f\t(644|755)\t([0-9a-f]{64})\t(0|[1-9][0-9]{0,15})\t([^\t]+)")
_FOLDER = re.compile(r"d\t([^\t]+)")
_LINK = re.compile(r"l\t([^\t]+)\t([^\t]+)")


class Entry(NamedTuple):
    """One line: `kind` is d, f or l; `size` in bytes; what a kind does not have is empty."""

    kind: str
    path: str
    mode: int = 0
    sha256: str = ""
    size: int = 0
    target: str = ""

    @property
    def blob(self) -> str:
        """The name that a file's contents are kept by: modes belong to inodes, so 755 has its own."""
        return self.sha256 + (".x" if self.mode == 0o755 else "")


def digest(text: str) -> str:
    """The SHA-256 of a manifest, which is its name."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def unpack(packed: str) -> str:
    """The text of a manifest as it travels: base64 of zlib. Raises StoreError."""
    try:
        reader = zlib.decompressobj()
        data = reader.decompress(base64.b64decode(packed, validate=True), LIMIT)
        if not reader.eof or reader.unused_data:
            raise StoreError("a manifest is cut short or too long")
        return data.decode("utf-8")
    except (binascii.Error, zlib.error, ValueError) as error:
        raise StoreError(f"a manifest cannot be unpacked: {error}") from None


def blobs(entries: List[Entry]) -> Dict[str, int]:
    """The contents that a tree needs: blob name to size in bytes."""
    return {entry.blob: entry.size for entry in entries if entry.kind == "f"}


def parse(text: str) -> List[Entry]:
    """Read a manifest. Raises StoreError, with the line, for everything that docs/protocol.md does not allow."""
    if text and not text.endswith("\n"):
        raise StoreError("the last line of a manifest is cut short")
    entries: List[Entry] = []
    folders: Set[str] = {""}
    last = b""
    for number, line in enumerate(text.split("\n")[:-1], 1):
        try:
            entry = _entry(line)
            here = entry.path.encode("utf-8")
            if here <= last:
                raise ValueError("not in order, or twice")
            if entry.path.rpartition("/")[0] not in folders:
                raise ValueError("its folder is not listed")
        except ValueError as error:
            raise StoreError(f"line {number} of a manifest is wrong: {error}: {line[:200]!r}") from None
        last = here
        if entry.kind == "d":
            folders.add(entry.path)
        entries.append(entry)
    return _one_size_each(entries)


def _entry(line: str) -> Entry:
    found = _FILE.fullmatch(line)
    if found:
        mode, sha256, size, path = found.groups()
        return Entry("f", _path(path), int(mode, 8), sha256, int(size))
    found = _FOLDER.fullmatch(line)
    if found:
        return Entry("d", _path(found.group(1)))
    found = _LINK.fullmatch(line)
    if found:
        return Entry("l", _path(found.group(2)), target=_target(*found.groups()))
    raise ValueError("not an entry")


def _path(path: str) -> str:
    if "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueError("not a path inside the tree")
    return path


def _target(target: str, path: str) -> str:
    """Allow `..` only in front: behind another link, `link/..` would lead elsewhere than it reads."""
    if "\0" in target or target.startswith("/"):
        raise ValueError("a link that leaves the tree")
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    if up > path.count("/") or ".." in parts[up:]:
        raise ValueError("a link that leaves the tree")
    return target


def _one_size_each(entries: List[Entry]) -> List[Entry]:
    sizes: Dict[str, int] = {}
    for entry in entries:
        if entry.kind == "f" and sizes.setdefault(entry.sha256, entry.size) != entry.size:
            raise StoreError(f"a manifest gives two sizes for one digest: {entry.path!r}")
    return entries
