"""Contents that come back from a host."""

from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout.artifact.fetched import Fetched
from turnout.errors import PackageError

ONE, TWO = b"one" * 1000, b""


def name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def record(data: bytes, called: str = "") -> bytes:
    return (called or name(data)).ljust(66).encode() + len(data).to_bytes(8, "big") + data


def events(stream: bytes, step: int) -> list[dict[str, object]]:
    squeezed = zlib.compress(stream)
    cut = [squeezed[at : at + step] for at in range(0, len(squeezed), step)]
    return [{"kind": "data", "data": base64.b64encode(part).decode()} for part in cut]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=300), unique=True, max_size=6), st.integers(1, 500))
def test_whatever_the_pieces_every_file_arrives_whole(
    tmp_path: Path, all_data: list[bytes], step: int
) -> None:
    """Events cut the stream anywhere; empty files count too."""
    places = {
        name(data): (str(tmp_path / f"deep/{number}"), len(data)) for number, data in enumerate(all_data)
    }
    fetched = Fetched(places)
    for event in events(b"".join(map(record, all_data)), step):
        fetched.hear(event)
    fetched.end()

    assert [Path(places[name(data)][0]).read_bytes() for data in all_data] == all_data


@pytest.mark.parametrize(
    "stream,why",
    [
        (record(ONE)[:-1], "did not come back"),
        (b"", "did not come back"),
        (record(ONE[:-1] + b"X", name(ONE)), "do not match"),
        (record(b"foreign"), "nobody asked for"),
        (record(ONE) + record(ONE), "nobody asked for"),
        (record(ONE) + b"more", "did not come back"),
        (record(ONE[:-1], name(ONE)), "nobody asked for"),
    ],
)
def test_what_is_not_what_was_asked_for_is_refused(tmp_path: Path, stream: bytes, why: str) -> None:
    """Cut, changed, foreign, twice: nothing of it is taken for good."""
    fetched = Fetched({name(ONE): (str(tmp_path / "one"), len(ONE))})
    for event in events(stream, 100):
        fetched.hear(event)

    with pytest.raises(PackageError, match=why):
        fetched.end()


@pytest.mark.parametrize("data", ["no base64!", base64.b64encode(b"no zlib").decode()])
def test_nonsense_is_an_expected_failure(tmp_path: Path, data: str) -> None:
    """Said at the end, not raised where events are heard."""
    fetched = Fetched({})
    fetched.hear({"kind": "data", "data": data})
    with pytest.raises(PackageError):
        fetched.end()
