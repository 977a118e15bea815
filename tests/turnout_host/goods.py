"""Trees for the tests of the host's goods: a dict of paths, its manifest, and the stream that would bring it."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import zstandard
from hypothesis import strategies as st

from turnout_host import manifest
from turnout_host.layout import Layout
from turnout_host.store import Store


class Link(str):
    """The target of a symbolic link."""

    __slots__ = ()


class Program(bytes):
    """Contents with mode 755."""

    __slots__ = ()


Tree = Mapping[str, "bytes | Link"]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def name(data: bytes) -> str:
    return sha(data) + (".x" if isinstance(data, Program) else "")


def text(tree: Tree) -> str:
    """The manifest of a tree; its folders follow from its paths."""
    lines: dict[str, str] = {}
    for path, what in tree.items():
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            lines[folder] = f"d\t{folder}\n"
        if isinstance(what, Link):
            lines[path] = f"l\t{what}\t{path}\n"
        else:
            lines[path] = (
                f"f\t{'755' if isinstance(what, Program) else '644'}\t{sha(what)}\t{len(what)}\t{path}\n"
            )
    return "".join(lines[path] for path in sorted(lines, key=str.encode))


def parse(listed: str) -> list[manifest.Entry]:
    """All entries of a manifest, checked as the host checks what comes in."""
    found = list(manifest.parse(io.BytesIO(listed.encode())))
    manifest.blobs(found)
    return found


def entries(tree: Tree) -> list[manifest.Entry]:
    return parse(text(tree))


def marked(listed: Iterable[str], marks: str) -> set[str]:
    """The blobs that `lacks` marks in its answer about these manifests."""
    names: dict[bytes, int] = {}
    for one in listed:
        manifest.blobs(parse(one), names)
    return {manifest.name(key) for key, mark in zip(names, marks, strict=True) if mark == "1"}


def lacking(store: Store, names: Iterable[str]) -> list[str]:
    """Those that are not in the store, each once."""
    return sorted({name for name in names if not store.has(name)})


def pack(manifest_text: str) -> str:
    return base64.b64encode(zlib.compress(manifest_text.encode())).decode()


def contents(tree: Tree) -> list[bytes]:
    return list({name(what): what for what in tree.values() if isinstance(what, bytes)}.values())


def record(data: bytes, called: str | None = None) -> bytes:
    return (called or name(data)).encode().ljust(66) + len(data).to_bytes(8, "big") + data


def compress(raw: bytes, compression: str) -> bytes:
    return zlib.compress(raw) if compression == "zlib" else zstandard.ZstdCompressor(level=3).compress(raw)


def stream(blobs: Iterable[bytes], compression: str = "zstd", chunk: int = 1 << 16) -> Iterator[bytes]:
    packed = compress(b"".join(record(data) for data in blobs), compression)
    return iter([packed[at : at + chunk] for at in range(0, len(packed), chunk)])


class Host(NamedTuple):
    layout: Layout
    store: Store

    def send(self, tree: Tree) -> list[manifest.Entry]:
        """Bring a tree's contents into the store."""
        self.store.receive(stream(contents(tree)), "zstd")
        return entries(tree)


def host(path: Path) -> Host:
    layout = Layout(str(path))
    layout.prepare()
    return Host(layout, Store(layout))


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def as_nobody(work: Callable[[], None]) -> None:
    """Run `work` in a process of its own that is not root: root ignores file modes."""
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


_names = st.text("ab.-é ", min_size=1, max_size=4).filter(lambda word: word not in {".", ".."})
_files = st.binary(max_size=40) | st.binary(max_size=40).map(Program)


def _flat(nested: object, prefix: str = "") -> Tree:
    flat: dict[str, bytes | Link] = {}
    assert isinstance(nested, dict)
    for key, value in nested.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}/"))
        else:
            flat[prefix + key] = value
    return flat


trees = st.dictionaries(
    _names,
    st.recursive(_files, lambda inner: st.dictionaries(_names, inner, max_size=4), max_leaves=12),
    max_size=5,
).map(_flat)
