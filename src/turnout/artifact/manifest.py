"""Manifests (docs/protocol.md): a tree as text, known by the SHA-256 of that text."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import stat
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import dropwhile
from pathlib import Path
from typing import NamedTuple

from turnout.errors import PackageError

THREADS = 4
READ = LARGE = 1 << 20
"""Bytes. What is LARGE is hashed in threads: with small files they spend their time on waiting for one another."""
LIMIT = 64 << 20
"""Bytes of a manifest's text, at most; as on the host."""
SHA256 = re.compile(r"[0-9a-f]{64}")


class Entry(NamedTuple):
    """One line: kind `d`, `f` or `l`. `mode` is 644 or 755 as written; `size` is in bytes; both only for files."""

    kind: str
    path: str
    mode: str = ""
    sha256: str = ""
    size: int = 0
    target: str = ""

    @property
    def blob(self) -> str:
        """The name of a file's contents on the host; contents of different modes are different blobs."""
        return self.sha256 + (".x" if self.mode == "755" else "")

    def line(self) -> str:
        """The entry as it stands in the text."""
        if self.kind == "d":
            return f"d\t{self.path}\n"
        if self.kind == "l":
            return f"l\t{self.target}\t{self.path}\n"
        return f"f\t{self.mode}\t{self.sha256}\t{self.size}\t{self.path}\n"


@dataclass(frozen=True)
class Manifest:
    """A tree: the text, and what follows from it.

    Its entries are read one by one, again and again: a list of them takes four times as much memory as the text.
    """

    text: bytes

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the text; two trees with equal contents, names and modes have the same one."""
        return hashlib.sha256(self.text).hexdigest()

    @cached_property
    def packed(self) -> str:
        """The text as it travels: base64 of zlib."""
        return base64.b64encode(zlib.compress(self.text, 6)).decode()

    @property
    def entries(self) -> Iterator[Entry]:
        """All lines, in order of the bytes of their paths."""
        return (_parse(line[:-1].decode()) for line in io.BytesIO(self.text))

    @property
    def files(self) -> Iterator[Entry]:
        """Those of files."""
        return (entry for entry in self.entries if entry.kind == "f")

    @property
    def count(self) -> int:
        """How many entries."""
        return self.text.count(b"\n")

    @property
    def blobs(self) -> dict[str, tuple[str, int]]:
        """For each blob name, in order: the first path that has these contents, and their size in bytes."""
        found: dict[str, tuple[str, int]] = {}
        for entry in self.files:
            found.setdefault(entry.blob, (entry.path, entry.size))
        return found

    @cached_property
    def size(self) -> int:
        """Bytes of all different contents."""
        return sum(size for _, size in self.blobs.values())


def of(folder: Path) -> Manifest:
    """The manifest of a folder. Modes become 755 for what its owner may execute, else 644.

    Raises PackageError for what no host could be trusted with: names with a tab or a newline or not in UTF-8,
    links that are absolute or leave the tree, sockets, pipes and devices.
    """
    root, found = os.fspath(folder), sorted(_walk(folder), key=lambda entry: entry.path)  # as their bytes do
    pool = ThreadPoolExecutor(THREADS)
    try:
        large = {entry.path: pool.submit(_line, root, entry) for entry in found if entry.size >= LARGE}
        lines = [b"" if entry.path in large else _line(root, entry) for entry in found]
        return Manifest(
            b"".join(line or large[at.path].result() for at, line in zip(found, lines, strict=True))
        )
    finally:
        pool.shutdown(cancel_futures=True)


def unpack(packed: str) -> Manifest:
    """A manifest as a host sends it. Raises PackageError for what is none, or would lead out of its folder."""
    try:
        reader = zlib.decompressobj()
        text = reader.decompress(base64.b64decode(packed, validate=True), LIMIT)
        if not reader.eof or (text and not text.endswith(b"\n")):
            raise ValueError("it is cut short or too long")
        made = Manifest(text)
        for entry in made.entries:
            _check(entry)
    except (ValueError, zlib.error) as error:
        raise PackageError(f"a manifest of the host cannot be used: {error}") from None
    return made


def _check(entry: Entry) -> None:
    """Raise ValueError, or PackageError for a link, unless docs/protocol.md allows this entry."""
    shaped = entry.kind != "f" or (entry.mode in ("644", "755") and SHA256.fullmatch(entry.sha256))
    if entry.kind not in ("d", "f", "l") or not shaped or entry.size < 0:
        raise ValueError(f"not an entry: {entry.path[:80]!r}")
    if "\0" in entry.path or any(part in ("", ".", "..") for part in entry.path.split("/")):
        raise ValueError(f"a path that leaves the tree: {entry.path[:80]!r}")
    if entry.kind == "l":
        check_target(entry.path, entry.target)


def check_target(path: str, target: str) -> None:
    """Raise PackageError unless the link at `path` stays in the tree wherever the tree lies.

    `..` may only lead the target: behind a name, which may be a link itself, it could go anywhere.
    """
    parts = target.split("/")
    onward = list(dropwhile(lambda part: part == "..", parts))
    inside = len(parts) - len(onward) <= path.count("/") and ".." not in onward
    if not target or target.startswith("/") or not inside:
        raise PackageError(
            f"the link {path} leaves the tree",
            why=f"it leads to {target!r}, which a host does not have",
            remedy="a `file:` dependency or a workspace? set `install-links=true` in .npmrc"
            if path.startswith("node_modules/")
            else "link to a path inside the app, or commit the file itself",
        )
    _check_name(target)


def _parse(line: str) -> Entry:
    match line.split("\t"):
        case ["f", mode, sha256, size, path]:
            return Entry("f", path, mode, sha256, int(size))
        case ["d", path]:
            return Entry("d", path)
        case ["l", target, path]:
            return Entry("l", path, target=target)
    raise ValueError(f"not an entry: {line[:80]!r}")


def _walk(folder: Path) -> Iterator[Entry]:
    """Everything below `folder`, files with their mode and size, but not hashed yet."""
    pending = [("", os.fspath(folder))]
    while pending:
        prefix, where = pending.pop()
        with os.scandir(where) as items:
            for item in items:
                path = prefix + item.name
                _check_name(path)
                if item.is_symlink():
                    target = os.readlink(item.path)  # noqa: PTH115 - Path tidies `./x` and `x//y`
                    check_target(path, target)
                    yield Entry("l", path, target=target)
                elif item.is_dir():
                    yield Entry("d", path)
                    pending.append((f"{path}/", item.path))
                elif item.is_file():
                    info = item.stat(follow_symlinks=False)
                    mode = "755" if info.st_mode & stat.S_IXUSR else "644"
                    yield Entry("f", path, mode, size=info.st_size)
                else:
                    raise PackageError(f"{path} is a socket, a pipe or a device", remedy=f"remove {path}")


def _check_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise PackageError(f"the name {os.fsencode(name)!r} is not UTF-8", remedy="rename the file") from None
    if any(character in name for character in "\t\n\0"):
        raise PackageError(f"the name {name!r} holds a tab or a newline", remedy="rename the file")


def _line(root: str, entry: Entry) -> bytes:
    return (_hashed(root, entry) if entry.kind == "f" else entry).line().encode()


def _hashed(root: str, entry: Entry) -> Entry:
    digest, size = hashlib.sha256(), 0
    file = os.open(f"{root}/{entry.path}", os.O_RDONLY)  # of small files, opening is what takes the time
    try:
        while part := os.read(file, READ):
            digest.update(part)
            size += len(part)
    finally:
        os.close(file)
    return entry._replace(sha256=digest.hexdigest(), size=size)
