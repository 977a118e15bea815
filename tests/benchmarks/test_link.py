"""What the simulated link does to bytes; how long it takes is told by check.py and asserted nowhere."""

from __future__ import annotations

import asyncio

from tests.benchmarks.link import Lane, Link, LinkProcess, Shape


def test_bytes_arrive_one_after_the_other() -> None:
    """What is sent later waits for what is still in the narrow place, and everything takes the way besides."""
    lane = Lane(rate=1000, delay=0.5)

    assert lane.book(1000, now=10.0) == 11.5
    assert lane.book(500, now=10.2) == 12.0
    assert lane.book(100, now=20.0) == 20.6
    assert lane.count == 1600


def test_a_lane_without_a_limit_only_delays() -> None:
    """A megabyte arrives when its way is over."""
    lane = Lane(rate=0, delay=0.25)

    assert lane.book(1_000_000, now=3.0) == 3.25
    assert lane.book(1, now=3.0) == 3.25


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_all_bytes_come_through_in_order_and_are_counted() -> None:
    """Each way, over two connections that share the lanes, until one side ends."""
    sent = [bytes([number]) * 40_000 for number in (1, 2)]
    async with (
        await asyncio.start_server(_echo, "127.0.0.1", 0) as server,
        Link(server.sockets[0].getsockname()[1], Shape(mbit=100, ms=4)) as link,
    ):
        got = await asyncio.gather(*(_sent(link.port, data) for data in sent))

        assert got == sent
        assert (link.up.count, link.down.count) == (80_000, 80_000)


async def _sent(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    found = await reader.read(-1)
    writer.close()
    return found


async def test_turns_are_counted_when_one_speaks_after_hearing() -> None:
    """Three questions, each asked after the answer to the one before."""
    async with (
        await asyncio.start_server(_echo, "127.0.0.1", 0) as server,
        Link(server.sockets[0].getsockname()[1], Shape(0, 0)) as link,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        for words in (b"one", b"two", b"thr"):
            writer.write(words)
            await reader.readexactly(3)

        assert link.turns == 3
        writer.close()


async def test_a_link_of_a_process_of_its_own_tells_what_went_through() -> None:
    """The figures are asked for while it runs, and it ends when it is closed."""
    async with await asyncio.start_server(_echo, "127.0.0.1", 0) as server:
        link = await asyncio.to_thread(LinkProcess, server.sockets[0].getsockname()[1], Shape(0, 0))
        try:
            assert await _sent(link.port, b"12345") == b"12345"
            assert await asyncio.to_thread(link.figures) == {"up": 5, "down": 5, "turns": 1}
        finally:
            await asyncio.to_thread(link.close)
    assert link._process.returncode == 0
