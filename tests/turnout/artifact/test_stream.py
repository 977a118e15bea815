from __future__ import annotations

import hashlib
import struct
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.artifact import manifest
from turnout.artifact.stream import lacking, stream, total
from turnout.errors import PackageError


def _tree(folder, **files: bytes):
    folder.mkdir(exist_ok=True)
    for name, contents in files.items():
        (folder / name).write_bytes(contents)
    return manifest.of(folder), folder


def _records(raw: bytes) -> dict[str, bytes]:
    found = {}
    while raw:
        name, size = raw[:66].decode().rstrip(), struct.unpack(">Q", raw[66:74])[0]
        found[name], raw = raw[74 : 74 + size], raw[74 + size :]
    return found


def _unpack(compression: str, data: bytes) -> bytes:
    if compression == "zlib":
        return zlib.decompress(data)
    return zstandard.ZstdDecompressor(max_window_size=1 << 24).decompressobj().decompress(data)


@pytest.mark.parametrize("compression", ["zstd", "zlib"])
@given(files=st.lists(st.binary(max_size=2000), max_size=6, unique=True), split=st.integers(0, 6))
@settings(max_examples=25, deadline=None)
def test_what_was_asked_for_arrives(tmp_path_factory, compression, files, split):
    """The records of several trees, in order of their paths, each under its blob name."""
    trees = [
        _tree(tmp_path_factory.mktemp(name), **{f"f{index}": data for index, data in part})
        for name, part in (("a", list(enumerate(files))[:split]), ("b", list(enumerate(files))[split:]))
    ]
    names = [name for made, _ in trees for name in made.blobs][::-1]
    told: list[int] = []
    data = b"".join(stream(trees, names, compression, progress=told.append))
    records = _records(_unpack(compression, data))
    assert list(records) == [hashlib.sha256(contents).hexdigest() for contents in files]
    assert all(hashlib.sha256(contents).hexdigest() == name for name, contents in records.items())
    assert total(trees, names) == sum(map(len, files))
    assert told == sorted(told)
    assert (told[-1] if told else 0) == sum(map(len, files))


def test_an_executable_has_a_name_of_its_own(tmp_path):
    """Equal contents of two modes are two blobs."""
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"x")
    (tmp_path / "b").chmod(0o755)
    made = manifest.of(tmp_path)
    records = _records(_unpack("zstd", b"".join(stream([(made, tmp_path)], made.blobs))))
    digest = hashlib.sha256(b"x").hexdigest()
    assert records == {digest: b"x", f"{digest}.x": b"x"}


@pytest.mark.parametrize("change", [b"abd", b"ab", b"abcd", None])
def test_a_file_that_changed_is_never_sent_as_whole(tmp_path, change):
    """Other bytes, fewer, more, or none at all: the stream ends with an error."""
    made, folder = _tree(tmp_path, a=b"abc")
    if change is None:
        (tmp_path / "a").unlink()
    else:
        (tmp_path / "a").write_bytes(change)
    told: list[int] = []
    with pytest.raises(PackageError, match="a changed while it was sent"):
        list(stream([(made, folder)], made.blobs, progress=told.append))
    assert max(told, default=0) <= 3  # a record is never longer than it says


def test_contents_of_nobody_are_refused(tmp_path):
    """A host cannot ask for files that are not part of this."""
    made, folder = _tree(tmp_path, a=b"abc")
    with pytest.raises(PackageError, match="not part of this deployment"):
        list(stream([(made, folder)], ["0" * 64]))


def test_marks_stand_for_contents_in_the_order_of_the_manifests(tmp_path):
    """Each content once, at its first line, over all manifests; an answer about others is refused."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, _ = _tree(tmp_path / "one", a=b"1", b=b"2", c=b"1")
    two, _ = _tree(tmp_path / "two", a=b"2", b=b"3")
    digests = [hashlib.sha256(data).hexdigest() for data in (b"1", b"2", b"3")]
    assert lacking([one, two], "011") == set(digests[1:])
    assert lacking([two, one], "001") == {digests[0]}
    with pytest.raises(PackageError, match="other contents"):
        lacking([one, two], "01")


def test_an_unknown_compression_is_refused(tmp_path):
    """Only what the protocol names."""
    with pytest.raises(PackageError, match="unknown compression"):
        list(stream([], [], "brotli"))


def test_memory_does_not_grow_with_the_contents(tmp_path):
    """40 MB pass through less than 8 MB of Python's memory."""
    (tmp_path / "big").write_bytes(bytes(40 << 20))
    made = manifest.of(tmp_path)
    tracemalloc.start()
    try:
        for _ in stream([(made, tmp_path)], made.blobs):
            pass
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
