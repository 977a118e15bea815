"""Calls to the host program: pipelined requests, events that stream back, one upload at a time, and a pulse."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from turnout import failpoints
from turnout.errors import Unreachable
from turnout.hosts import loader, memory
from turnout.hosts.base import LinkLost
from turnout.hosts.faults import fault
from turnout.hosts.frames import PIECE, Wire

if TYPE_CHECKING:
    from turnout.hosts.base import Link, Transport
    from turnout.model import Address

OnEvent = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Pace:
    """Seconds between two pings, without any answer until the host counts as gone (docs/protocol.md), and to begin."""

    ping: float = 3.0
    silence: float = 15.0
    opening: float = 15.0


@dataclass(frozen=True)
class Spent:
    """A call that has ended: when it began, in seconds since 1970, and how long it took."""

    call: str
    ts: float
    seconds: float


@dataclass
class Call:
    """A request that waits for its answer."""

    name: str
    answer: asyncio.Future[dict[str, Any]]
    on_event: OnEvent | None
    ts: float = field(default_factory=time.time)
    began: float = field(default_factory=time.monotonic)


class HostClient:
    """The host program on one host, for the app at one path.

    `token` is added to every call once it is set (DESIGN 6). `bytes_sent` counts all that was written; `spent` has the
    calls that have ended.
    """

    def __init__(self, address: Address, link: Link, wire: Wire, hello: dict[str, Any], pace: Pace) -> None:
        self.address, self.hello = address, hello
        self.token: int | None = None
        self.spent: list[Spent] = []
        self._link, self._wire, self._pace = link, wire, pace
        self._calls: dict[int, Call] = {}
        self._last_id = 0
        self._lost = ""
        self._uploading = asyncio.Lock()
        self._heard = asyncio.get_running_loop().time()
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._pulse())]

    @classmethod
    async def open(cls, transport: Transport, path: str, pace: Pace | None = None) -> Self:
        """Reach the host and start the host program, within 15 s.

        Raises Unreachable, HostKeyError, LoginError or SurveyRefused.
        """
        memory.give_back()  # manifests come and go
        pace = pace or Pace()
        deadline = asyncio.get_running_loop().time() + pace.opening
        link = await transport.open()
        wire = Wire(link)
        try:
            async with asyncio.timeout_at(deadline):
                hello = await loader.start(wire, link, path, transport.address)
        except TimeoutError:
            link.abort()  # it had its time: a polite goodbye would take more
            await link.close()
            raise loader.silent(transport.address, wire, link.stderr_tail(), "no answer") from None
        except BaseException:
            await link.close()
            raise
        return cls(transport.address, link, wire, hello, pace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def bytes_sent(self) -> int:
        """Bytes written to the link so far: frames, uploads, and the host program itself where it was lacking."""
        return self._wire.bytes_sent

    async def call(self, name: str, /, on_event: OnEvent | None = None, **args: Any) -> dict[str, Any]:
        """Ask for `name` and wait for the answer; `on_event` gets each event meanwhile.

        Raises what the host's error code stands for, and Unreachable when the link is lost.
        """
        number, call = self._register(name, on_event)
        try:
            await self._send({"id": number, "call": name, "args": self._with_token(args)})
            failpoints.middle()
            return await call.answer
        finally:
            self._forget(number)

    async def upload(
        self,
        chunks: AsyncIterator[bytes] | Iterator[bytes],
        compression: str,
        on_progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Send a compressed stream to the store; `on_progress` gets the bytes sent so far. Errors are those of `call`.

        The stream is always ended, also when `chunks` fails, so that the link stays good for other calls.
        """
        async with self._uploading:
            number, call = self._register("upload", None)
            try:
                args = self._with_token({"compression": compression})
                await self._send({"id": number, "call": "upload", "args": args})
                try:
                    await self._pour(chunks, call, on_progress)
                finally:
                    await self._data(b"")
                return await call.answer
            finally:
                self._forget(number)

    async def _pour(
        self,
        chunks: AsyncIterator[bytes] | Iterator[bytes],
        call: Call,
        on_progress: Callable[[int], None] | None,
    ) -> None:
        sent = 0
        async for chunk in _pieces(chunks):
            if call.answer.done():  # refused half-way (a full disk, an old token): the rest need not travel
                return
            await self._data(chunk)
            self._is_alive()  # on a slow link pongs queue behind megabytes of ours
            sent += len(chunk)
            if on_progress:
                on_progress(sent)

    async def close(self) -> None:
        """End the host program in order; takes a few seconds at most, also on a dead link. Calls that wait fail."""
        self._lose("it was closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._link.close()

    def _register(self, name: str, on_event: OnEvent | None) -> tuple[int, Call]:
        if self._lost:
            raise self._gone()
        self._last_id += 1
        call = Call(name, asyncio.get_running_loop().create_future(), on_event)
        self._calls[self._last_id] = call
        return self._last_id, call

    def _forget(self, number: int) -> None:
        call = self._calls.pop(number)
        self.spent.append(Spent(call.name, call.ts, time.monotonic() - call.began))
        answer = call.answer
        if answer.done() and not answer.cancelled():
            answer.exception()  # looked at, or asyncio complains about those that nobody waits for any more

    def _with_token(self, args: dict[str, Any]) -> dict[str, Any]:
        return args if self.token is None else {"token": self.token} | args

    async def _send(self, message: dict[str, Any]) -> None:
        await self._write(self._wire.send(message))

    async def _data(self, chunk: bytes) -> None:
        await self._write(self._wire.data(chunk))

    async def _write(self, writing: Coroutine[Any, Any, None]) -> None:
        try:
            await writing
        except LinkLost as error:
            self._lose(str(error))
            raise self._gone() from None

    async def _listen(self) -> None:
        try:
            while True:
                message = (await self._wire.read()).json()
                self._is_alive()
                self._take(message)
        except LinkLost as error:
            self._lose(str(error))

    def _is_alive(self) -> None:
        self._heard = asyncio.get_running_loop().time()

    def _take(self, message: dict[str, Any]) -> None:
        call = self._calls.get(message.get("id", 0))
        if call is None or call.answer.done():  # a pong, or the answer to a call that was cancelled
            return
        if "event" in message:
            if call.on_event:
                call.on_event(message["event"])
        elif "error" in message:
            call.answer.set_exception(fault(message["error"], self.address))
        else:
            call.answer.set_result(message.get("ok") or {})

    async def _pulse(self) -> None:
        loop, number = asyncio.get_running_loop(), 0
        while not self._lost:
            number += 1
            with contextlib.suppress(TimeoutError, Unreachable):
                async with asyncio.timeout(
                    self._pace.ping
                ):  # a full pipe must not keep us from noticing the silence
                    await self._send({"ping": number})
            await asyncio.sleep(self._pace.ping)
            if loop.time() - self._heard > self._pace.silence:
                self._lose(f"no answer for {self._pace.silence:.0f} s")
                self._link.abort()  # or what writes would wait for ever

    def _lose(self, reason: str) -> None:
        if self._lost:
            return
        self._lost = reason
        for call in self._calls.values():
            if not call.answer.done():
                call.answer.set_exception(self._gone())

    def _gone(self) -> Unreachable:
        return Unreachable(
            f"the link to {self.address} was lost",
            why=[self._lost, *self._link.stderr_tail()[-5:]],
            remedy="type the same command again: what arrived is kept",
        )


async def _pieces(chunks: AsyncIterator[bytes] | Iterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks in pieces for D frames, without empty ones (an empty frame ends the upload)."""
    async for chunk in chunks if isinstance(chunks, AsyncIterator) else _threaded(chunks):
        for at in range(0, len(chunk), PIECE):
            yield chunk[at : at + PIECE]


async def _threaded(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Reading and compressing happens beside the loop, so that pings go on, and one chunk ahead of what is sent."""
    loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1, "upload")
    coming = loop.run_in_executor(thread, next, chunks, None)
    try:
        while (chunk := await coming) is not None:
            coming = loop.run_in_executor(thread, next, chunks, None)
            yield chunk
    finally:
        coming.cancel()  # of an upload that was refused
        if isinstance(chunks, Generator):
            thread.submit(chunks.close)  # behind the chunk that may still be made
        thread.shutdown(wait=False)
