"""Streams are read in pieces of bounded size, by libzstd or zlib."""

import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.turnout_host.goods import compress
from turnout_host import compression
from turnout_host.errors import StoreError, UsageError

BOTH = pytest.mark.parametrize("name", ["zstd", "zlib"])


def read(name: str, packed: bytes, chunk: int) -> tuple[list[bytes], bool]:
    reader = compression.decompressor(name)
    pieces = [piece for at in range(0, len(packed), chunk) for piece in reader.feed(packed[at : at + chunk])]
    return pieces, reader.finished


def test_this_machine_has_both() -> None:
    """Debian has libzstd because apt needs it (FACTS)."""
    assert compression.available() == ["zstd", "zlib"]


def test_without_libzstd_zlib_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without the library says so, and refuses zstd."""
    monkeypatch.setattr(compression, "_loaded", [None])
    assert compression.available() == ["zlib"]
    with pytest.raises(UsageError):
        compression.decompressor("zstd")


@BOTH
@given(data=st.binary(max_size=2000), repeat=st.integers(1, 400), chunk=st.integers(1, 5000))
def test_everything_comes_out_as_it_went_in(name: str, data: bytes, repeat: int, chunk: int) -> None:
    """Whatever the chunks, the pieces are the contents, each within its bound, and the end is seen."""
    raw = data * repeat
    pieces, finished = read(name, compress(raw, name), chunk)
    assert b"".join(pieces) == raw
    assert finished
    assert all(0 < len(piece) <= compression.PIECE for piece in pieces)


@BOTH
@pytest.mark.parametrize(
    "size", [compression.PIECE - 1, compression.PIECE, compression.PIECE + 1, 4 * compression.PIECE]
)
def test_sizes_around_a_piece_lose_nothing(name: str, size: int) -> None:
    """Output that fills a piece exactly is not taken for the end."""
    pieces, finished = read(name, compress(bytes(size), name), 1 << 20)
    assert b"".join(pieces) == bytes(size)
    assert finished


@pytest.mark.parametrize("before", [1, 100, 5000])
def test_what_zstd_holds_back_is_fetched(before: int) -> None:
    """Blocks that do not fit the piece are kept inside libzstd when all input is read: they come out, too."""
    packer = zstandard.ZstdCompressor().compressobj()
    packed = packer.compress(b"x" * before) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    packed += packer.compress(bytes(compression.PIECE)) + packer.flush()
    pieces, finished = read("zstd", packed, 1 << 20)
    assert b"".join(pieces) == b"x" * before + bytes(compression.PIECE)
    assert finished


@BOTH
def test_a_bomb_comes_in_small_pieces(name: str) -> None:
    """One small chunk that stands for 64 MB never becomes one piece of 64 MB."""
    packed = compress(bytes(64 << 20), name)
    reader = compression.decompressor(name)
    assert next(reader.feed(packed)) == bytes(compression.PIECE)


def test_long_windows_are_read() -> None:
    """A window of 2^27 bytes, the largest that zstd uses without being told, is accepted."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    pieces, finished = read("zstd", packer.compress(b"x" * 300_000) + packer.flush(), 1000)
    assert b"".join(pieces) == b"x" * 300_000
    assert finished


@BOTH
def test_a_stream_that_is_cut_is_not_finished(name: str) -> None:
    """Without its last bytes the end is not seen."""
    assert read(name, compress(b"contents", name)[:-1], 100)[1] is False


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_several_frames_are_one_zstd_stream(chunk: int) -> None:
    """Each has a level of its own; the end is seen only behind a whole one."""
    packed = compress(b"one", "zstd") + compress(b"two" * 100, "zstd")
    pieces, finished = read("zstd", packed, chunk)
    assert (b"".join(pieces), finished) == (b"one" + b"two" * 100, True)
    assert read("zstd", packed[:-1], chunk)[1] is False


@BOTH
@pytest.mark.parametrize("chunk", [1, 1000])
def test_nonsense_and_more_after_the_end_are_refused(name: str, chunk: int) -> None:
    """Both are StoreErrors, whether they come at once or later."""
    for packed in (b"this is no stream at all" * 3, compress(b"contents", name) + b"more"):
        with pytest.raises(StoreError):
            read(name, packed, chunk)


def test_an_unknown_compression_is_refused() -> None:
    """The name comes from the deployer and is checked."""
    with pytest.raises(UsageError):
        compression.decompressor("lzma")


def test_zlib_and_zstd_are_told_apart() -> None:
    """A stream of the other kind is a StoreError, not contents."""
    with pytest.raises(StoreError):
        read("zstd", zlib.compress(b"x" * 100), 100)
