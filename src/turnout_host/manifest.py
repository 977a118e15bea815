"""Manifests (docs/protocol.md): which folders, files and links make a tree. Pure; trusts nothing that it reads.

A text stays bytes and its entries are read one by one: a list of them takes six times as much, and a host is small.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import zlib
from typing import Dict, Iterable, Iterator, NamedTuple, Optional, Set

from turnout_host.errors import StoreError

LIMIT = 64 << 20
"""Bytes of text: 17,860 files (FACTS) make about 2 MB; more than this is a mistake or an attack."""
PIECE = 1 << 20
"""Bytes that are unpacked at once."""
PROGRAM = ".x"
"""Behind the digest in the name of contents that may be executed."""

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
        return self.sha256 + (PROGRAM if self.mode == 0o755 else "")


def key(blob: str) -> bytes:
    """A blob's name in half the memory, where those of a whole tree are kept. Raises ValueError for what is none."""
    return bytes.fromhex(blob[:64]) + blob[64:].encode("ascii")


def name(key: bytes) -> str:
    """The blob's name again."""
    return key[:32].hex() + key[32:].decode("ascii")


def digest(text: bytes) -> str:
    """The SHA-256 of a manifest, which is its name."""
    return hashlib.sha256(text).hexdigest()


def unpack(packed: str) -> bytes:
    """The text of a manifest as it travels: base64 of zlib. Raises StoreError."""
    reader, text = zlib.decompressobj(), io.BytesIO()
    try:
        data = base64.b64decode(packed, validate=True)
        while data and text.tell() <= LIMIT:
            text.write(reader.decompress(data, PIECE))
            data = reader.unconsumed_tail
    except (binascii.Error, zlib.error, ValueError) as error:
        raise StoreError(f"a manifest cannot be unpacked: {error}") from None
    if not reader.eof or reader.unused_data or text.tell() > LIMIT:
        raise StoreError("a manifest is cut short or too long")
    return text.getvalue()


def parse(lines: Iterable[bytes]) -> Iterator[Entry]:
    """Read a manifest, from a file or a BytesIO. Raises StoreError for everything that docs/protocol.md does not allow.

    Only that a digest has one size is seen by `blobs`.
    """
    folders: Set[str] = {""}
    last = ""
    for number, line in enumerate(lines, 1):
        try:
            entry = _entry(line.decode("utf-8"))
            if entry.path <= last:  # characters sort as their bytes do
                raise ValueError("not in order, or twice")
            _check_path(entry.path, folders)
        except ValueError as error:
            shown = line[:200].decode("utf-8", "replace")
            raise StoreError(f"line {number} of a manifest is wrong: {error}: {shown!r}") from None
        last = entry.path
        if entry.kind == "d":
            folders.add(f"{last}/")
        yield entry


def blobs(entries: Iterable[Entry], found: Optional[Dict[bytes, int]] = None) -> Dict[bytes, int]:
    """The contents that trees need, each once, in order: key to size in bytes. Adds to those `found` before.

    Raises StoreError when a digest has two sizes.
    """
    found = {} if found is None else found
    for entry in entries:
        if entry.kind == "f":
            plain = key(entry.sha256)
            program = plain + PROGRAM.encode("ascii")
            if found.get(plain, entry.size) != entry.size or found.get(program, entry.size) != entry.size:
                raise StoreError(f"a manifest gives two sizes for one digest: {entry.path!r}")
            found[program if entry.mode == 0o755 else plain] = entry.size
    return found


def _entry(line: str) -> Entry:
    if not line.endswith("\n"):
        raise ValueError("cut short")
    line = line[:-1]
    found = _FILE.fullmatch(line)
    if found:
        mode, sha256, size, path = found.groups()
        return Entry("f", path, int(mode, 8), sha256, int(size))
    found = _FOLDER.fullmatch(line)
    if found:
        return Entry("d", found.group(1))
    found = _LINK.fullmatch(line)
    if found:
        return Entry("l", found.group(2), target=_target(*found.groups()))
    raise ValueError("not an entry")


def _check_path(path: str, folders: Set[str]) -> None:
    """Its folder was checked before, so that its own name is left."""
    cut = path.rfind("/") + 1
    if "\0" in path or path[cut:] in ("", ".", ".."):
        raise ValueError("not a path inside the tree")
    if path[:cut] not in folders:
        raise ValueError("its folder is not listed")


def _target(target: str, path: str) -> str:
    """Allow `..` only in front: behind another link, `link/..` would lead elsewhere than it reads."""
    if "\0" in target or target.startswith("/"):
        raise ValueError("a link that leaves the tree")
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    if up > path.count("/") or ".." in parts[up:]:
        raise ValueError("a link that leaves the tree")
    return target
