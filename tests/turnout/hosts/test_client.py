from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from turnout.errors import LeaseHeld, PackageError, SurveyRefused, Unreachable
from turnout.hosts.client import HostClient, Pace
from turnout.hosts.frames import PIECE
from turnout.hosts.local import LocalTransport
from turnout.hosts.zipapp import Zipapp

QUICK = Pace(ping=0.02, silence=1.0)


@pytest.fixture
async def client(tmp_path: Path, program: Zipapp) -> AsyncIterator[HostClient]:
    async with await HostClient.open(LocalTransport(), str(tmp_path / "app")) as opened:
        yield opened


async def test_a_call_is_answered(client: HostClient) -> None:
    """Arguments go and an answer comes, of any shape that JSON knows."""
    assert await client.call("echo", text="größer\n", nested={"a": [1, None]}) == {
        "text": "größer\n",
        "nested": {"a": [1, None]},
    }


async def test_calls_are_pipelined(client: HostClient) -> None:
    """Many at once, each with its own answer."""
    answers = await asyncio.gather(*(client.call("echo", number=number) for number in range(50)))
    assert [answer["number"] for answer in answers] == list(range(50))


async def test_events_come_in_order_and_to_their_call(client: HostClient) -> None:
    """Two calls at once do not see each other's events."""
    one: list[int] = []
    two: list[int] = []
    await asyncio.gather(
        client.call("count", lambda event: one.append(event["step"]), to=3),
        client.call("count", lambda event: two.append(event["step"]), to=2),
    )
    assert (one, two) == ([0, 1, 2], [0, 1])


async def test_the_token_goes_with_every_call_once_it_is_set(client: HostClient) -> None:
    """The lease's token is nothing that a step must think of."""
    assert await client.call("echo") == {}
    client.token = 7
    assert await client.call("echo", a=1) == {"token": 7, "a": 1}
    assert (await client.upload(iter([b"x"]), "zlib"))["args"] == {"token": 7, "compression": "zlib"}


async def test_an_error_of_the_host_is_raised_here(client: HostClient) -> None:
    """By its code, with its detail."""
    with pytest.raises(LeaseHeld, match="busy") as caught:
        await client.call("fail", code="lease_held", message="busy", detail={"holder": "ann"})
    assert caught.value.detail == {"holder": "ann"}
    assert await client.call("echo") == {}


async def test_a_cancelled_call_does_not_disturb_the_others(client: HostClient) -> None:
    """Its late answer is for nobody."""
    waiting = asyncio.create_task(client.call("count", to=100))
    await asyncio.sleep(0)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    assert await client.call("echo", still="here") == {"still": "here"}


async def test_an_upload_is_cut_into_pieces(client: HostClient) -> None:
    """No frame is longer than PIECE, empty chunks do not end it, and progress counts to the last byte."""
    seen: list[int] = []
    chunks = [b"a" * (PIECE * 2 + 5), b"", b"b" * 10]
    answer = await client.upload(iter(chunks), "zlib", seen.append)
    assert (answer["bytes"], answer["largest"]) == (PIECE * 2 + 15, PIECE)
    assert seen == [PIECE, PIECE * 2, PIECE * 2 + 5, PIECE * 2 + 15]
    assert client.bytes_sent > PIECE * 2 + 15


async def test_an_async_stream_can_be_uploaded(client: HostClient) -> None:
    """Either kind of iterator will do."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    assert (await client.upload(chunks(), "zlib"))["bytes"] == 6


async def test_a_refused_upload_stops_early(client: HostClient) -> None:
    """What the host will not keep need not travel, and the link stays good."""
    produced = 0

    def chunks() -> Iterator[bytes]:
        nonlocal produced
        while True:
            produced += 1
            yield b"x" * PIECE

    with pytest.raises(PackageError, match="no such compression"):
        await client.upload(chunks(), "none")
    assert await client.call("echo", still="here") == {"still": "here"}


async def test_the_next_chunk_is_made_while_one_is_sent(client: HostClient) -> None:
    """So neither the link nor the compressor waits for the other; never more than one."""
    made: list[int] = []
    sent: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(6):
            made.append(number)
            yield bytes([number])

    data = client._data

    async def slow(chunk: bytes) -> None:
        if chunk:
            sent.append(chunk[0])
            async with asyncio.timeout(10):
                while len(made) <= len(sent) and len(made) < 6:
                    await asyncio.sleep(0.001)
        assert len(made) <= len(sent) + 1
        await data(chunk)

    client._data = slow  # type: ignore[method-assign]
    assert (await client.upload(chunks(), "zlib"))["bytes"] == 6
    assert sent == made


async def test_the_stream_of_an_upload_that_was_cancelled_is_closed(client: HostClient) -> None:
    """In its own thread, when the chunk that was under way is made: the loop does not wait for it."""
    begun, go, closed = threading.Event(), threading.Event(), threading.Event()

    def chunks() -> Iterator[bytes]:
        try:
            yield b"x"
            begun.set()
            go.wait(20)
            yield b"y"
        finally:
            closed.set()

    stream = chunks()  # held here, so that nobody else closes it
    uploading = asyncio.create_task(client.upload(stream, "zlib"))
    await asyncio.to_thread(begun.wait, 20)
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    assert await client.call("echo", still="here") == {"still": "here"}
    assert not closed.is_set()
    go.set()
    assert await asyncio.to_thread(closed.wait, 20)


async def test_a_stream_that_fails_leaves_the_link_good(client: HostClient) -> None:
    """The upload is ended for the host; the reason is raised here."""

    def chunks() -> Iterator[bytes]:
        yield b"x"
        raise PackageError("a file changed")

    with pytest.raises(PackageError, match="a file changed"):
        await client.upload(chunks(), "zlib")
    assert await client.call("echo", still="here") == {"still": "here"}


async def test_a_cancelled_upload_leaves_the_link_good(client: HostClient) -> None:
    """Ctrl-C during an upload still lets the deployer say goodbye."""
    begun = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"
        begun.set()
        await asyncio.Event().wait()

    uploading = asyncio.create_task(client.upload(chunks(), "zlib"))
    await begun.wait()
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    assert await client.call("echo", still="here") == {"still": "here"}


async def test_uploads_and_calls_can_overlap(client: HostClient) -> None:
    """A second upload waits for the first; no frame of one gets into the other."""
    answers = await asyncio.gather(
        *(client.upload(iter([bytes([65 + n]) * 10] * n), "zlib") for n in range(1, 4))
    )
    assert [answer["bytes"] for answer in answers] == [10, 20, 30]


async def test_a_host_program_that_dies_is_a_lost_link(client: HostClient) -> None:
    """All that wait are told, with its last words; later calls are refused at once."""
    ends = await asyncio.gather(client.call("die"), client.call("echo"), return_exceptions=True)
    assert [type(end) for end in ends] == [Unreachable, Unreachable]
    assert "the link to local was lost" in str(ends[0])


async def test_its_last_words_are_in_the_reason(client: HostClient) -> None:
    """Standard error of the host program is kept for such a day."""
    with pytest.raises(Unreachable):
        await client.call("die")
    await client._link.exit_status()
    await client._link._listener  # type: ignore[attr-defined]
    with pytest.raises(Unreachable) as caught:
        await client.call("echo")
    assert "out of luck" in caught.value.why


async def test_nonsense_is_a_lost_link(client: HostClient) -> None:
    """Something else that prints on the channel cannot be taken for an answer."""
    with pytest.raises(Unreachable) as caught:
        await client.call("babble")
    assert "no frame" in caught.value.why[0]


async def test_a_silent_host_is_a_lost_link(tmp_path: Path, program: Zipapp) -> None:
    """Pongs that stay away are noticed while a call is under way."""
    async with await HostClient.open(LocalTransport(), str(tmp_path / "app"), QUICK) as client:
        with pytest.raises(Unreachable) as caught:
            await client.call("mute")
        assert "no answer" in caught.value.why[0]


async def test_a_frozen_host_is_a_lost_link(tmp_path: Path, program: Zipapp) -> None:
    """Also while an upload fills the pipe, so that not even a ping can be written; closing does not hang on it."""
    client = await HostClient.open(LocalTransport(), str(tmp_path / "app"), QUICK)
    os.kill(client.hello["pid"], signal.SIGSTOP)
    try:
        with pytest.raises(Unreachable) as caught:
            await client.upload(itertools.repeat(bytes(PIECE)), "zlib")
        assert "no answer" in caught.value.why[0]
        await client.close()
    finally:
        os.kill(client.hello["pid"], signal.SIGKILL)
        await client._link.exit_status()


async def test_a_quiet_call_is_not_a_silent_host(tmp_path: Path, program: Zipapp) -> None:
    """Pongs keep a link alive that has nothing else to say."""
    async with await HostClient.open(LocalTransport(), str(tmp_path / "app"), QUICK) as client:
        await asyncio.sleep(QUICK.silence * 2)
        assert await client.call("echo", still="here") == {"still": "here"}


async def test_a_slow_upload_is_not_a_silent_host(tmp_path: Path, program: Zipapp) -> None:
    """While pieces move, pongs may queue behind them for as long as they like."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            await asyncio.sleep(QUICK.silence / 5)
            yield b"x"

    async with await HostClient.open(LocalTransport(), str(tmp_path / "app"), QUICK) as client:
        client._take = lambda message: None if "pong" in message else HostClient._take(client, message)  # type: ignore[method-assign]
        assert (await client.upload(chunks(), "zlib"))["bytes"] == 20


async def test_closing_ends_the_host_program(tmp_path: Path, program: Zipapp) -> None:
    """With status 0: it found the end of its input. Twice does no harm."""
    client = await HostClient.open(LocalTransport(), str(tmp_path / "app"))
    await client.close()
    await client.close()
    assert await client._link.exit_status() == 0
    with pytest.raises(Unreachable):
        await client.call("echo")


async def test_closing_tells_those_who_wait(client: HostClient) -> None:
    """No call hangs for ever."""
    waiting = asyncio.create_task(client.call("mute"))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(Unreachable):
        await waiting


async def test_a_loader_that_never_answers_is_unreachable(tmp_path: Path, program: Zipapp) -> None:
    """The host lets us in and then nothing comes."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho hello there\ncat >/dev/null\n")
    python.chmod(0o755)
    with pytest.raises(Unreachable) as caught:
        await HostClient.open(LocalTransport(python=str(python)), str(tmp_path), Pace(opening=0.3))
    assert caught.value.why == ["no answer", "hello there"]


@pytest.mark.parametrize(
    "script, kind, words",
    [
        pytest.param("exit 127", SurveyRefused, "no python3", id="status of most shells"),
        pytest.param(
            "echo 'python3: Command not found.' >&2; exit 1", SurveyRefused, "no python3", id="words of csh"
        ),
        pytest.param(
            "echo This account is not available; exit 1", Unreachable, "not available", id="nologin"
        ),
        pytest.param("exit 0", Unreachable, "(exit status 0)", id="nothing at all"),
        pytest.param("yes noise | head -c 100000; cat >/dev/null", Unreachable, "64 kB", id="endless noise"),
    ],
)
async def test_what_is_no_loader_is_explained(
    script: str, kind: type[Exception], words: str, tmp_path: Path, program: Zipapp
) -> None:
    """By what it printed and how it ended."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    with pytest.raises(kind) as caught:
        await HostClient.open(LocalTransport(python=str(python)), str(tmp_path))
    assert words in " ".join([str(caught.value), *caught.value.why])  # type: ignore[attr-defined]


async def test_a_refusal_of_the_loader_is_raised(tmp_path: Path, program: Zipapp) -> None:
    """A path that cannot be made is the survey's business: 23."""
    (tmp_path / "file").touch()
    with pytest.raises(SurveyRefused, match="not a directory"):
        await HostClient.open(LocalTransport(), str(tmp_path / "file" / "app"))
