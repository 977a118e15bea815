"""A link between two programs of this machine: so many bits a second, so long a way, every byte counted.

A proxy in a process of its own, so that it shares no interpreter with what measures. `python -m tests.benchmarks.link
TARGET MBIT MS` prints its port, then its counters for each line that it reads, and ends with its input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.support.proxy import Proxy

CHUNK = 1 << 14
"""Bytes that a limited link takes at a time; an unlimited one takes what is there."""
QUEUE = 0.1
"""Seconds of bytes that wait in front of the narrow place: a router's buffer; then the sender is made to wait."""


class Shape(NamedTuple):
    """What a link is: megabits a second each way (0: as fast as it goes), milliseconds there and back."""

    mbit: float
    ms: float


LINKS = {"loopback": Shape(0, 0), "100 Mbit/s, 20 ms": Shape(100, 20), "10 Mbit/s, 50 ms": Shape(10, 50)}


@dataclass
class Lane:
    """One direction. `rate` in bytes a second (0: no limit) counts what TCP carries, without its headers."""

    rate: float
    delay: float
    count: int = 0
    free: float = 0.0
    """When what was sent before is through the narrow place."""

    def book(self, size: int, now: float) -> float:
        """Send `size` bytes at `now`; the moment at which they arrive."""
        self.count += size
        self.free = max(now, self.free) + (size / self.rate if self.rate else 0.0)
        return self.free + self.delay


class Link(Proxy):
    """`async with Link(target, shape) as link:` listens on `link.port`. All connections share the two lanes.

    `turns` is how often the near side spoke again after it had heard something, at most once in a round trip's
    time: no fewer than the round trips that were waited for.
    """

    def __init__(self, target: int, shape: Shape) -> None:
        super().__init__(target)
        self._delay = shape.ms / 2000
        self.up, self.down = (Lane(shape.mbit * 125_000, self._delay) for _ in range(2))
        self.turns, self._heard_something, self._turned = 0, True, 0.0

    def figures(self) -> dict[str, int]:
        """What went through so far."""
        return {"up": self.up.count, "down": self.down.count, "turns": self.turns}

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._delay)  # the first word of a connection's beginning is under way
        await super()._accept(reader, writer)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, free: asyncio.Event
    ) -> None:
        lane = self.up if free is self._thawed else self.down
        if lane is self.up:
            await asyncio.sleep(self._delay)  # who connects may speak when the answer has come back
        arrivals: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.create_task(self._deliver(arrivals, writer))
        try:
            await self._take(reader, lane, arrivals)
            await delivery
        finally:
            delivery.cancel()

    async def _take(
        self, reader: asyncio.StreamReader, lane: Lane, arrivals: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        now = asyncio.get_running_loop().time
        data = b" "
        while data:
            try:
                data = await reader.read(CHUNK if lane.rate else 1 << 20)
            except OSError:
                data = b""
            if data:
                self._count_turn(lane is self.up, now())
            arrivals.put_nowait((lane.book(len(data), now()), data))
            await asyncio.sleep(max(0.0, lane.free - now() - QUEUE))

    async def _deliver(
        self, arrivals: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        now = asyncio.get_running_loop().time
        with contextlib.suppress(OSError):
            while True:
                arrival, data = await arrivals.get()
                if (wait := arrival - now()) > 0:
                    await asyncio.sleep(wait)
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()

    def _count_turn(self, up: bool, now: float) -> None:
        if up and self._heard_something and now - self._turned >= 2 * self._delay:
            self.turns, self._turned = self.turns + 1, now
        self._heard_something = not up


class LinkProcess:
    """A Link in a process of its own, until `close()`."""

    def __init__(self, target: int, shape: Shape) -> None:
        argv = [sys.executable, "-m", __spec__.name, str(target), str(shape.mbit), str(shape.ms)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._line())

    def figures(self) -> dict[str, int]:
        """As Link.figures."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, int] = json.loads(self._line())
        return found

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=10)


@contextlib.contextmanager
def opened(target: int, shape: Shape) -> Iterator[LinkProcess]:
    """A link while it is needed."""
    link = LinkProcess(target, shape)
    try:
        yield link
    finally:
        link.close()


async def _serve(target: int, shape: Shape) -> None:
    async with Link(target, shape) as link:
        print(link.port, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(link.figures()), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Shape(float(sys.argv[2]), float(sys.argv[3]))))
