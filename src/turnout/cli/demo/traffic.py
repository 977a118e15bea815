"""Clients that send requests all the time and count what they get: the users of the demo, and of the tests.

Half of them keep their connection, the others open a new one for each request. Nothing is tried again: a request that
was sent and not answered well is a failure that a user would have seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

HOST = "127.0.0.1"
PATIENCE = 10.0
"""Seconds that an answer may take."""
PAUSE = 0.01
"""Seconds between two requests of one client, so that 16 of them leave two cores room for the app."""
REASONS = 20
"""Different reasons that are kept."""
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Figures:
    """What was counted: answers 2xx, all other requests with their reasons, and the releases that answered."""

    ok: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    releases: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """All that were sent."""
        return self.ok + self.failed

    def __sub__(self, before: Figures) -> Figures:
        """What was counted between two moments."""
        return Figures(
            self.ok - before.ok,
            self.failed - before.failed,
            self.reasons - before.reasons,
            self.releases - before.releases,
        )


@dataclass
class Sighting:
    """When a release was first and last seen answering, in seconds of time.monotonic()."""

    first: float
    last: float


@dataclass(frozen=True)
class Reply:
    """One answer of the app."""

    status: int
    body: bytes
    closes: bool


class Traffic:
    """`keep_alive` clients on connections of their own and `fresh` ones on new connections, each one request at a time.

    `path` may be several, which are asked for in turn. A JSON body with `release` says who answered.
    """

    def __init__(
        self,
        port: int,
        path: str | Sequence[str] = "/",
        keep_alive: int = 8,
        fresh: int = 8,
        pause: float = PAUSE,
        patience: float = PATIENCE,
    ) -> None:
        self.port, self.pause, self.patience = port, pause, patience
        self.paths = [path] if isinstance(path, str) else list(path)
        self.sightings: dict[str, Sighting] = {}
        self._keeps = [True] * keep_alive + [False] * fresh
        self._ok = self._failed = 0
        self._reasons: Counter[str] = Counter()
        self._releases: Counter[str] = Counter()
        self._ending = asyncio.Event()
        self._clients: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Send from now on."""
        self._clients = [
            asyncio.create_task(self._client(keep, number)) for number, keep in enumerate(self._keeps)
        ]

    async def stop(self, grace: float | None = None) -> None:
        """Let the requests under way be answered, and end. After `grace` seconds they are cut, and not counted."""
        self._ending.set()
        if self._clients:
            _, late = await asyncio.wait(self._clients, timeout=grace)
            for client in late:
                client.cancel()
            for ended in await asyncio.gather(*self._clients, return_exceptions=True):
                if isinstance(ended, Exception):  # a mistake of ours: what the app does wrong is counted
                    raise ended

    def mark(self) -> Figures:
        """All figures of this moment."""
        return Figures(self._ok, self._failed, Counter(self._reasons), Counter(self._releases))

    def since(self, mark: Figures) -> Figures:
        """The figures since a mark."""
        return self.mark() - mark

    async def _client(self, keep: bool, number: int) -> None:
        """One user: a request, its answer, a pause."""
        link: Link | None = None
        while not self._ending.is_set():
            path = self.paths[number % len(self.paths)]
            number += 1
            try:
                async with asyncio.timeout(self.patience):
                    if link is None or link.is_closed:  # an orderly end between two requests fails none
                        link = await Link.open(self.port)
                    reply = await link.ask(path, keep)
                self._count(reply)
                done = reply.closes or not keep
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
                self._fail(_reason(error, self.patience))
                done = True
            if done and link:
                link.close()
                link = None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), self.pause)
        if link:
            link.close()

    def _count(self, reply: Reply) -> None:
        if not 200 <= reply.status < 300:
            self._fail(f"answered {reply.status}")
            return
        self._ok += 1
        release = _release(reply.body)
        if release:
            self._releases[release] += 1
            now = time.monotonic()
            self.sightings.setdefault(release, Sighting(now, now)).last = now

    def _fail(self, reason: str) -> None:
        self._failed += 1
        self._reasons[reason if len(self._reasons) < REASONS else "other reasons"] += 1


class Link:
    """One connection to the app: just enough HTTP/1.1 to ask for a page and read all of the answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Link:
        """Connect."""
        return cls(*await asyncio.open_connection(HOST, port))

    @property
    def is_closed(self) -> bool:
        """Whether the other side has ended the connection."""
        return self._reader.at_eof() or self._reader.exception() is not None

    async def ask(self, path: str, keep: bool) -> Reply:
        """Send one request and read its answer. Raises OSError, EOFError or ValueError."""
        connection = "keep-alive" if keep else "close"
        head = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: {connection}\r\n\r\n"
        self._writer.write(head.encode("ascii"))
        await self._writer.drain()
        status, headers = await self._head()
        closes = headers.get("connection", "").lower() == "close"
        return Reply(status, await self._body(headers), closes)

    async def _head(self) -> tuple[int, dict[str, str]]:
        first, *rest = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if len(words) < 2 or not words[1].isdigit():
            raise ValueError(f"it begins with {first[:40]!r}")
        fields = (line.partition(":") for line in rest if line)
        return int(words[1]), {name.lower(): value.strip() for name, _, value in fields}

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        return await self._reader.read()

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            body += (await self._reader.readexactly(size + 2))[:size]
        await self._reader.readuntil(b"\r\n")
        return body

    def close(self) -> None:
        """End the connection."""
        self._writer.close()


class TrafficThread:
    """Traffic with a loop and a thread of its own, so that it goes on whatever the caller does."""

    def __init__(self, port: int, path: str | Sequence[str] = "/", **more: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="traffic", daemon=True)
        self.traffic = Traffic(port, path, **more)

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()
        self._there(self.traffic.start())

    def stop(self, grace: float | None = None) -> Figures:
        """As Traffic.stop; gives all figures. A second call changes nothing."""
        if self._thread.is_alive():
            self._there(self.traffic.stop(grace))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if not self._loop.is_closed():
            self._loop.close()
        return self.traffic.mark()

    def mark(self) -> Figures:
        """All figures of this moment."""
        return self.traffic.mark()

    def since(self, mark: Figures) -> Figures:
        """The figures since a mark."""
        return self.traffic.since(mark)

    def __enter__(self) -> TrafficThread:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _there(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _release(body: bytes) -> str | None:
    """The `release` that a JSON body names."""
    if not body.startswith(b"{"):
        return None
    try:
        found = json.loads(body).get("release")
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def _reason(error: Exception, patience: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {patience:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionError):
        return "connection reset"
    if isinstance(error, EOFError):
        return "connection closed before the answer"
    return f"not an answer: {error}"
