from __future__ import annotations

import asyncio
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.hosts.base import LinkLost
from turnout.hosts.frames import HEADER, LIMIT, MAGIC, NOISE, Wire


class Bytes:
    """A link that has these pieces to read and keeps what is written."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.written = list(pieces), b""

    async def read(self, n: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    async def write(self, data: bytes) -> None:
        self.written += data

    async def exit_status(self) -> int | None:
        return None

    def stderr_tail(self) -> list[str]:
        return []

    def abort(self) -> None:
        pass

    async def close(self) -> None:
        pass


def frame(payload: bytes, kind: bytes = b"J") -> bytes:
    return HEADER.pack(MAGIC, kind, len(payload)) + payload


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [piece for start, end in itertools.pairwise(at) if (piece := data[start:end])]


messages = st.lists(
    st.dictionaries(st.text(max_size=5), st.text() | st.integers(), max_size=3), min_size=1, max_size=5
)


noises = st.binary(max_size=200).filter(lambda data: MAGIC not in data + MAGIC[:3])


@given(noise=noises, sent=messages, places=st.lists(st.integers(0, 2000)))
def test_frames_survive_noise_and_any_cutting(
    noise: bytes, sent: list[dict[str, object]], places: list[int]
) -> None:
    """Whatever was printed before, and however the bytes arrive, the same messages come out, and the noise is kept."""
    data = noise + b"".join(frame(json.dumps(message).encode()) for message in sent)

    async def read() -> tuple[list[dict[str, object]], bytes]:
        wire = Wire(Bytes(*cut(data, places)))
        return [(await wire.read()).json() for _ in sent], wire.noise

    assert asyncio.run(read()) == (sent, noise)


async def test_a_written_frame_is_read_as_it_was() -> None:
    """What send and data write is what read reads, and every byte is counted."""
    out = Bytes()
    wire = Wire(out)
    await wire.send({"id": 1, "text": "größer"})
    await wire.data(b"\0raw")
    assert wire.bytes_sent == len(out.written)
    back = Wire(Bytes(out.written))
    assert (await back.read()).json() == {"id": 1, "text": "größer"}
    assert await back.read() == (b"D", b"\0raw")


@pytest.mark.parametrize(
    "pieces, reason",
    [
        pytest.param([b"x" * NOISE, b"more"], "no frame", id="endless noise"),
        pytest.param([b"bye"], "closed", id="the end before a frame"),
        pytest.param([frame(b"{}")[:-1]], "closed", id="the end within a frame"),
        pytest.param([HEADER.pack(MAGIC, b"J", LIMIT + 1)], "no frame", id="too long"),
        pytest.param([frame(b"[]")], "no JSON object", id="a list"),
        pytest.param([frame(b"\xff")], "no JSON object", id="not UTF-8"),
    ],
)
async def test_nonsense_ends_the_link(pieces: list[bytes], reason: str) -> None:
    """Anything but frames is a lost link with a reason."""
    with pytest.raises(LinkLost, match=reason):
        (await Wire(Bytes(*pieces)).read()).json()


async def test_noise_after_the_first_frame_ends_the_link() -> None:
    """Only what comes before the first frame may be noise."""
    wire = Wire(Bytes(frame(b"{}") + b"noise noise" + frame(b"{}")))
    await wire.read()
    with pytest.raises(LinkLost, match="no frame"):
        await wire.read()
