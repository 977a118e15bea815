"""The deployer's part of an upload against the host's: real trees, the real calls, no link between them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from turnout.artifact import patch, tree
from turnout.artifact.stream import lacking, stream
from turnout.artifact.tree import Tree
from turnout_host.calls import goods
from turnout_host.host import Args, Host

Files = Mapping[str, bytes]


def words(seed: int, count: int = 200) -> bytes:
    """A text that compresses about as well as code does."""
    chance = random.Random(seed)
    return b" ".join(b"%x" % chance.getrandbits(40) for _ in range(count))


def edited(seed: int, at: int) -> bytes:
    """The same text with one word changed."""
    parts = words(seed).split(b" ")
    parts[at % len(parts)] = b"edited"
    return b" ".join(parts)


contents = (
    st.builds(words, st.integers(0, 3))
    | st.builds(edited, st.integers(0, 3), st.integers(0, 199))
    | st.binary(max_size=30)
)
trees = st.dictionaries(st.sampled_from(["a", "b", "c.js", "dir/a", "dir/é b"]), contents, max_size=5)


def kept(entry: Path, files: Files) -> Tree:
    """A tree in the deployer's cache."""
    folder = tree.folder_of(entry)
    shutil.rmtree(entry, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    tree.seal(entry)
    return Tree.load(entry.name, entry)


def call(host: Host, function: Any, **args: Any) -> dict[str, Any]:
    """One call of docs/protocol.md."""
    return dict(function(host, Args(args), lambda _: None))


def packed(host: Host, new: Tree, base: Tree | None = None, compression: str = "zstd") -> bytes:
    """What would be uploaded for a tree, its manifest given first."""
    offer = patch.offer(new.manifest, base.manifest if base else None)
    answer = call(host, goods.call_lacks, manifests=[offer])
    bases = patch.pairs(base, new.manifest) if base and base.digest in answer["based"] else {}
    source = (new.manifest, new.folder)
    names = lacking([new.manifest], answer["lacking"])
    return b"".join(stream([source], names, compression, bases=bases, begun=answer["begun"]))


def upload(host: Host, chunks: Iterable[bytes], compression: str = "zstd") -> None:
    """Give it to the host."""
    call(host, goods.call_upload, chunks=iter(chunks), compression=compression)


def laid(host: Host, new: Tree, name: str = "v1") -> dict[str, bytes]:
    """The release that the host lays out, read back."""
    folder = host.layout.release(name)
    host.store.lay(host.store.manifest(new.digest), folder)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
