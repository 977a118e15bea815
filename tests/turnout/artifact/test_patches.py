"""Patches are made in threads beside the stream, and nobody can tell."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sending import edited, kept, laid, packed, upload, words
from turnout.artifact import patch, stream
from turnout.artifact.patch import Base
from turnout.artifact.tree import Tree
from turnout.errors import PackageError
from turnout_host.host import Host

COUNT = 30


@pytest.fixture
def old(tmp_path: Path) -> Tree:
    """What the host has."""
    return kept(tmp_path / "old", {f"{at:02}": words(at) for at in range(COUNT)})


@pytest.fixture
def new(tmp_path: Path) -> Tree:
    """Two of three are edited, the others new and far longer than what may wait for a patch."""
    return kept(
        tmp_path / "new",
        {f"{at:02}": edited(at, at) if at % 3 else words(at + COUNT, 900) for at in range(COUNT)},
    )


def sent(old: Tree, new: Tree) -> Iterator[bytes]:
    """The upload of all of `new`."""
    bases = patch.pairs(old, new.manifest)
    return stream.stream([(new.manifest, new.folder)], list(new.manifest.blobs), bases=bases)


@pytest.mark.parametrize("ahead, many", [(0, 0), (3000, 256), (1 << 20, 3), (8 << 20, 256)])
def test_records_go_in_order_however_many_patches_are_made_ahead(
    tmp_path: Path, old: Tree, new: Tree, monkeypatch: pytest.MonkeyPatch, ahead: int, many: int
) -> None:
    """To the last byte what one thread gives, and the host lays out what was meant."""
    expected = b"".join(sent(old, new))
    monkeypatch.setattr(stream, "AHEAD", ahead)
    monkeypatch.setattr(stream, "MANY", many)
    monkeypatch.setattr(stream, "THREADS", 3)
    assert b"".join(sent(old, new)) == expected
    host = Host(str(tmp_path / "app"))
    upload(host, [packed(host, old)])
    host.store.lay(host.store.manifest(old.digest), host.layout.release("v1"))
    upload(host, [packed(host, new, old)])
    assert laid(host, new, "v2") == {path.name: path.read_bytes() for path in new.folder.iterdir()}


@pytest.mark.parametrize("bound, size", [("AHEAD", 5000), ("MANY", 4)])
def test_what_waits_for_a_patch_is_bounded(
    old: Tree, new: Tree, monkeypatch: pytest.MonkeyPatch, bound: str, size: int
) -> None:
    """By its bytes and by its number: memory grows with neither."""
    places, read = stream._places, [0]

    def counted(*args: Any) -> Iterator[stream.Place]:
        for read[0], place in enumerate(places(*args), 1):
            yield place

    monkeypatch.setattr(stream, bound, size)
    monkeypatch.setattr(stream, "_places", counted)
    source = [(new.manifest, new.folder)]
    records = stream._with_patches(source, list(new.manifest.blobs), patch.pairs(old, new.manifest))
    ahead = [read[0] - sent for sent, _ in enumerate(records)]
    assert len(ahead) == COUNT
    assert 1 < max(ahead) <= 5


@pytest.mark.parametrize("size", [1, 100, 1 << 18])
def test_blocks_are_the_records_in_one_row(
    old: Tree, new: Tree, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """However long they are; each but the last one is as long as is worth a change of threads."""
    arguments: Any = (
        [(new.manifest, new.folder)],
        list(new.manifest.blobs),
        patch.pairs(old, new.manifest),
        {},
    )
    expected = list(stream._records(*arguments))
    monkeypatch.setattr(stream, "BLOCK", size)
    found = list(stream._read_ahead(stream._blocks(stream._records(*arguments))))
    assert b"".join(one.data for one in found) == b"".join(one.data for one in expected)
    assert sum(one.counts for one in found) == sum(one.counts for one in expected)
    assert min([max(len(one.data), one.counts) for one in found[:-1]], default=size) >= size


def test_progress_goes_on_while_nothing_has_to_be_sent(tmp_path: Path) -> None:
    """What had arrived before a cut is read and hashed all the same, and counts to its last byte."""
    size = 8 * stream.BLOCK + 10
    tree = kept(tmp_path / "tree", {"a": words(1), "b": bytes(size)})
    begun = {name: size for name, (path, _) in tree.manifest.blobs.items() if path == "b"}
    told: list[int] = []
    source = [(tree.manifest, tree.folder)]
    list(stream.stream(source, list(tree.manifest.blobs), progress=told.append, begun=begun))
    assert told[-1] == tree.manifest.size
    assert len(told) >= 8


def test_an_error_in_a_thread_is_the_same_error(old: Tree, new: Tree) -> None:
    """A file that changed is named, after all that comes before it was sent."""
    (new.folder / "20").write_bytes(b"changed")
    with pytest.raises(PackageError, match="20 changed while it was sent"):
        list(sent(old, new))
    assert threads() == []


def test_a_stream_that_is_closed_early_leaves_no_thread(
    old: Tree, new: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patches that nobody asked for yet are not made any more."""
    made: list[Base] = []
    monkeypatch.setattr(stream, "SENT", 1)
    monkeypatch.setattr(stream, "BLOCK", 1)
    monkeypatch.setattr(patch, "if_smaller", lambda base, *_: made.append(base))
    records = sent(old, new)
    next(records)
    assert threads()
    records.close()  # type: ignore[attr-defined]
    assert threads() == []


def threads() -> list[str]:
    """Those that read, and that make patches."""
    return [one.name for one in threading.enumerate() if one.name.startswith(("read", "patch"))]
