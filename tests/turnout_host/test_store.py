"""The store takes contents in, lays trees, finds what was hurt, and forgets what is not needed."""

import errno
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.turnout_host.goods import (
    Host,
    Link,
    Program,
    Tree,
    as_nobody,
    compress,
    contents,
    entries,
    host,
    lacking,
    listing,
    name,
    record,
    sha,
    stream,
    text,
    trees,
)
from turnout_host import disk, incoming, manifest
from turnout_host.errors import StoreError, SurveyError

TREE: Tree = {
    "dist/server.js": b"serve()",
    "dist/empty.js": b"",
    "bin/run": Program(b"#!/bin/sh\n"),
    "bin/same": b"#!/bin/sh\n",
    "node/.bin/run": Link("../../bin/run"),
}


@pytest.fixture
def there(tmp_path: Path) -> Host:
    return host(tmp_path / "app")


def leftovers(there: Host) -> list[str]:
    return listing(there.layout.tmp)


def cut(chunks: Iterator[bytes], after: int) -> Iterator[bytes]:
    """A link that breaks after some chunks."""
    for number, chunk in enumerate(chunks):
        if number == after:
            break
        yield chunk
    raise ConnectionError("the link was cut")


@settings(deadline=None, max_examples=40)
@given(tree=trees, compression=st.sampled_from(["zstd", "zlib"]), chunk=st.integers(1, 300))
def test_a_tree_arrives_as_it_was(tree: Tree, compression: str, chunk: int) -> None:
    """Manifest, stream, receive and lay give a tree that verifies, and nothing is left over."""
    with tempfile.TemporaryDirectory() as folder:
        there = host(Path(folder))
        there.store.keep_text(text(tree).encode())
        wanted = list(there.store.manifest(sha(text(tree).encode())))
        blobs = {manifest.name(key): size for key, size in manifest.blobs(wanted).items()}
        assert lacking(there.store, blobs) == sorted(blobs)
        counted = there.store.receive(stream(contents(tree), compression, chunk), compression)
        assert counted == (len(blobs), sum(blobs.values()))
        assert lacking(there.store, blobs) == []
        there.store.lay(wanted, there.layout.release("v1"))
        assert there.store.verify(wanted, there.layout.release("v1")) == []
        assert leftovers(there) == []


def test_a_laid_tree_has_the_contents_modes_and_links(there: Host) -> None:
    """Files are read-only hard links into the store, 755 where the manifest says so; links stay links."""
    folder = there.layout.release("v1")
    there.store.lay(there.send(TREE), folder)
    assert (folder / "dist/server.js").read_bytes() == b"serve()"
    assert str((folder / "node/.bin/run").readlink()) == "../../bin/run"
    modes = {
        path: (folder / path).stat().st_mode & 0o7777
        for path in ("dist", "dist/empty.js", "bin/run", "bin/same")
    }
    assert modes == {"dist": 0o755, "dist/empty.js": 0o444, "bin/run": 0o555, "bin/same": 0o444}
    blob = there.layout.blob(name(b"serve()"))
    assert blob.stat().st_ino == (folder / "dist/server.js").stat().st_ino


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_umask_of_the_login_changes_nothing(there: Host, umask: int) -> None:
    """Modes of folders are those of the protocol, whatever the host's umask is."""
    before = os.umask(umask)
    try:
        there.store.lay(there.send(TREE), there.layout.release("v1"))
    finally:
        os.umask(before)
    assert {
        (there.layout.release("v1") / path).stat().st_mode & 0o777 for path in ("", "dist", "node/.bin")
    } == {0o755}


@pytest.mark.parametrize("number", [errno.EMLINK, errno.EXDEV, errno.EPERM])
def test_where_links_cannot_be_files_are_copied(
    there: Host, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Too many links, another file system, none at all: the tree is the same, made of copies."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    wanted = there.send(TREE)
    monkeypatch.setattr(os, "link", refuse)
    there.store.lay(wanted, there.layout.release("v1"))
    assert there.store.verify(wanted, there.layout.release("v1")) == []
    assert (there.layout.release("v1") / "bin/run").stat().st_mode & 0o777 == 0o555


def test_a_folder_that_is_there_is_not_touched(there: Host) -> None:
    """A release is never laid over another one."""
    folder = there.layout.release("v1")
    folder.mkdir()
    with pytest.raises(StoreError):
        there.store.lay(there.send(TREE), folder)
    assert listing(folder) == []


def test_lacking_contents_are_named_and_nothing_is_laid(there: Host) -> None:
    """The error's detail has every blob name that is missing, so that one upload sends all."""
    there.send({"x": b"here"})
    with pytest.raises(StoreError) as caught:
        there.store.lay(
            entries({"x": b"here", "y": b"not here", "z": b"nor here"}), there.layout.release("v1")
        )
    assert caught.value.detail["lacking"] == [name(b"not here"), name(b"nor here")]
    assert not there.layout.release("v1").exists()
    assert leftovers(there) == []


def test_a_flipped_byte_is_found_set_aside_and_sent_again(there: Host) -> None:
    """Same size, same time, one bit else: verify tells it, lay refuses it, and the next upload heals the store."""
    wanted = there.send(TREE)
    there.store.lay(wanted, there.layout.release("v1"))
    blob = there.layout.blob(name(b"serve()"))
    before = blob.stat()
    blob.chmod(0o644)
    blob.write_bytes(b"serve(!")
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert there.store.verify(wanted, there.layout.release("v1")) == ["changed: dist/server.js"]
    with pytest.raises(StoreError) as caught:
        there.store.lay(wanted, there.layout.release("v2"))
    assert caught.value.detail["lacking"] == [blob.name]
    assert blob.with_name(blob.name + ".hurt").exists()
    assert lacking(there.store, [blob.name]) == [blob.name]
    there.send(TREE)
    there.store.lay(wanted, there.layout.release("v2"))
    assert there.store.verify(wanted, there.layout.release("v2")) == []


@settings(deadline=None, max_examples=40)
@given(
    blobs=st.lists(st.binary(max_size=50), min_size=1, unique=True),
    after=st.integers(0, 40),
    batch=st.integers(1, 4),
)
def test_what_arrived_before_the_cut_stays(blobs: list[bytes], after: int, batch: int) -> None:
    """A killed upload keeps exactly the blobs that had arrived whole; the rest can follow in a second one."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(incoming, "BATCH_BLOBS", batch)
        there = host(Path(folder))
        raw = b"".join(record(blob) for blob in blobs)
        chunks = [compress(raw, "zlib")]
        chunks = [chunks[0][at : at + 1] for at in range(len(chunks[0]))]
        with pytest.raises(ConnectionError):
            there.store.receive(cut(iter(chunks), after * 10), "zlib")
        missing = lacking(there.store, map(name, blobs))
        kept = [blob for blob in blobs if name(blob) not in missing]
        assert kept == blobs[: len(kept)]
        assert all(there.layout.blob(name(blob)).read_bytes() == blob for blob in kept)
        there.store.receive(stream([blob for blob in blobs if name(blob) in missing]), "zstd")
        assert there.store.unsound(map(name, blobs)) == []
        assert leftovers(there) == []


def unended(raw: bytes, compression: str) -> bytes:
    """All of `raw` can be read from it, but the stream goes on."""
    if compression == "zlib":
        packer = zlib.compressobj()
        return packer.compress(raw) + packer.flush(zlib.Z_SYNC_FLUSH)
    zstd = zstandard.ZstdCompressor().compressobj()
    return zstd.compress(raw) + zstd.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


WHOLE = record(b"one") + record(b"two")


@pytest.mark.parametrize("compression", ["zstd", "zlib"])
@pytest.mark.parametrize(
    "raw, ended",
    [(WHOLE + record(b"three")[:-2], True), (WHOLE + record(b"three")[:40], True), (WHOLE, False)],
    ids=["in contents", "in a name", "before the end of the compression"],
)
def test_a_stream_that_ends_early_is_refused_and_what_came_whole_stays(
    there: Host, raw: bytes, ended: bool, compression: str
) -> None:
    """Wherever it is cut: two whole blobs arrived, so two stay."""
    packed = compress(raw, compression) if ended else unended(raw, compression)
    with pytest.raises(StoreError, match="cut short"):
        there.store.receive(iter([packed]), compression)
    assert lacking(there.store, map(name, [b"one", b"two", b"three"])) == [name(b"three")]
    assert listing(there.layout.tmp) == []


def test_contents_under_a_wrong_name_are_refused(there: Host) -> None:
    """A blob is what its name says; what came whole before it stays, what follows it does not come in."""
    raw = record(b"good") + record(b"bad", called=name(b"other")) + record(b"late")
    with pytest.raises(StoreError, match="do not match"):
        there.store.receive(iter([compress(raw, "zstd")]), "zstd")
    assert lacking(there.store, [name(b"good"), name(b"bad"), name(b"other"), name(b"late")]) == sorted(
        [name(b"bad"), name(b"other"), name(b"late")]
    )
    assert leftovers(there) == []


@pytest.mark.parametrize("called", ["../../../etc/passwd", "x" * 66, sha(b"data") + ".y", "", "é"])
def test_a_record_without_a_blob_name_is_refused(there: Host, called: str) -> None:
    """Names from the stream become paths only after they were checked."""
    raw = called.encode().ljust(66) + (4).to_bytes(8, "big") + b"data"
    with pytest.raises(StoreError, match="blob name"):
        there.store.receive(iter([compress(raw, "zlib")]), "zlib")


def test_the_same_contents_twice_and_nothing_at_all_are_fine(there: Host) -> None:
    """An upload may hold a blob twice, hold one that is there, or hold none."""
    there.store.receive(stream([b"one", b"one", Program(b"one")]), "zstd")
    there.store.receive(stream([b"one"], "zlib"), "zlib")
    assert there.store.receive(iter([]), "zstd") == (0, 0)
    assert there.store.receive(stream([]), "zstd") == (0, 0)
    assert there.store.unsound([name(b"one"), name(Program(b"one"))]) == []


def test_blobs_are_on_the_disk_before_they_have_their_name(
    there: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch is synced once, and only then renamed into the store."""
    seen: list[list[str]] = []
    monkeypatch.setattr(incoming, "BATCH_BLOBS", 2)
    monkeypatch.setattr(
        disk, "sync", lambda _: seen.append(lacking(there.store, map(name, [b"1", b"2", b"3"])))
    )
    there.store.receive(stream([b"1", b"2", b"3"]), "zstd")
    assert seen == [sorted(map(name, [b"1", b"2", b"3"])), [name(b"3")]]


def test_half_a_blob_gives_its_bytes_back_before_the_whole_ones_are_kept(
    there: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, keeping needs a little room for names: what came half makes it."""
    seen: list[list[str]] = []
    monkeypatch.setattr(disk, "sync", lambda folder: seen.append(listing(folder)))
    with pytest.raises(StoreError, match="cut short"):
        there.store.receive(iter([compress(WHOLE + record(b"three")[:-2], "zstd")]), "zstd")
    assert seen == [["0", "1"]]


def test_a_failed_sync_keeps_nothing(there: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Success is never reported after it (FACTS): nothing gets its name, the first error is told.

    A kernel says it once: a second sync would go well, with the contents lost all the same.
    """
    monkeypatch.setattr(incoming, "BATCH_BLOBS", 1)
    syncs = iter([OSError(errno.EIO, "input/output error"), None])

    def fail(_: Path) -> None:
        if error := next(syncs):
            raise error

    monkeypatch.setattr(disk, "sync", fail)
    with pytest.raises(OSError, match="input/output"):
        there.store.receive(stream([b"1"]), "zstd")
    assert lacking(there.store, [name(b"1")]) == [name(b"1")]
    assert leftovers(there) == []


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("mount"), reason="mounting a small file system needs root"
)
def test_a_full_disk_is_told_as_such_and_keeps_what_came(tmp_path: Path) -> None:
    """It is the host that cannot take the release (23), not the artifact that is wrong."""
    if os.system(f"mount -t tmpfs -o size=1m tmpfs {tmp_path} 2>/dev/null") != 0:
        pytest.skip("no mounts here")
    try:
        there = host(tmp_path)
        big = os.urandom(2 << 20)
        with pytest.raises(SurveyError, match="No space left"):
            there.store.receive(stream([b"small", big]), "zstd")
        assert lacking(there.store, [name(b"small"), name(big)]) == [name(big)]
        assert leftovers(there) == []
        assert there.store.disk()["total"] == 1 << 20
    finally:
        os.system(f"umount {tmp_path}")


def test_a_kept_manifest_is_checked_when_it_is_read(there: Host) -> None:
    """One that is missing, or was edited, is a StoreError; the edited one is set aside."""
    good = text(TREE)
    digest = sha(good.encode())
    with pytest.raises(StoreError, match="missing"):
        there.store.manifest(digest)
    assert there.store.keep_text(good.encode()) == digest
    assert list(there.store.manifest(digest)) == entries(TREE)
    there.layout.manifest(digest).write_text(good.replace("dist", "tsid"))
    with pytest.raises(StoreError, match="hurt"):
        there.store.manifest(digest)
    there.store.keep_text(good.encode())
    assert list(there.store.manifest(digest)) == entries(TREE)


def test_what_is_not_needed_is_removed_and_what_it_freed_is_counted(there: Host) -> None:
    """A blob that a release still links gives back nothing; hurt ones go, too."""
    wanted = there.send({"linked": b"l" * 5000, "needed": b"n" * 5000})
    there.store.lay(wanted, there.layout.release("v1"))
    there.send({"alone": b"a" * 5000})
    alone = there.layout.blob(name(b"a" * 5000)).stat().st_blocks * 512
    hurt = there.layout.blob(name(b"a" * 5000) + ".x")
    hurt.with_name(hurt.name + ".hurt").touch()
    assert there.store.collect({manifest.key(name(b"n" * 5000))}) == (3, alone)
    assert there.store.collect({manifest.key(name(b"n" * 5000))}) == (0, 0)
    assert there.store.verify(wanted, there.layout.release("v1")) == []
    assert lacking(there.store, [name(b"n" * 5000), name(b"l" * 5000)]) == [name(b"l" * 5000)]


def test_it_all_works_without_being_root() -> None:
    """Receiving, laying sealed, and removing again need no more than the app's own user."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)

    def work() -> None:
        there = host(folder / "app")
        tree: Tree = {**TREE, "twice": b"serve()"}
        wanted = there.send(tree)
        there.send(tree)
        sealed = there.layout.layer("key")
        there.store.lay(wanted, sealed, sealed=True)
        assert there.store.verify(wanted, sealed) == []
        for path in ("new", "dist/new", "node/.bin/new"):
            with pytest.raises(PermissionError):
                (sealed / path).touch()
        with pytest.raises(PermissionError):
            (sealed / "dist/server.js").write_text("edited")
        disk.remove(sealed, there.layout.tmp)
        assert not sealed.exists()
        assert leftovers(there) == []

    try:
        as_nobody(work)
    finally:
        shutil.rmtree(folder)
