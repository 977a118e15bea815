"""Reads the logs of all hosts: the last lines, then whatever comes, merged by time.

Each look asks a host for its next lines and holds no more than a few thousand: the files on the host keep the rest, so
a flood costs neither memory nor the way out. The cursor stays here, so a lost link loses no line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from turnout.errors import TurnoutError, Unreachable, UsageError
from turnout.runner import connect
from turnout.watch.merge import Line, Merge

if TYPE_CHECKING:
    from turnout.config.schema import Environment
    from turnout.config.surroundings import Reach
    from turnout.hosts.client import HostClient
    from turnout.model import Address

WAIT = 0.5
"""Seconds that a host waits for the first new line before it answers with none."""
PACE = 0.1
"""Seconds between two looks at a host that floods: 10,000 lines a second at most."""
HELD = 2000
"""Lines of one host that may wait here."""
STUCK = 10.0
"""Seconds after which the host program ends itself over an expression (turnout_host/calls/logs.py)…"""
SILENT = 14.0
"""…while a link that is lost is only noticed after 15."""
AGAIN = 2.0
"""Seconds before a lost host is tried again."""

Out = Callable[[list[Line]], Awaitable[None]]
Note = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What is to be read. `lines` are the last ones; None: all since `since` (seconds since 1970)."""

    streams: tuple[str, ...] = ("out", "err")
    lines: int | None = 100
    since: float | None = None
    grep: str | None = None
    follow: bool = False

    def args(self) -> dict[str, Any]:
        """The arguments of the call `logs` (docs/protocol.md)."""
        return {"streams": list(self.streams), "lines": self.lines, "since": self.since, "grep": self.grep}


class Feed:
    """The logs of one host."""

    def __init__(
        self, address: Address, wish: Wish, open_: Callable[[Address], Awaitable[HostClient]]
    ) -> None:
        self.name, self.files = str(address), 0
        self._address, self._wish, self._open = address, wish, open_
        self._cursor: dict[str, Any] | None = None
        self._client: HostClient | None = None
        self._left: int | None = None

    @property
    def follows(self) -> bool:
        """Whether it goes on with what comes."""
        return self._wish.follow

    async def past(self) -> list[Line]:
        """The last lines that are there already. Raises the host's errors."""
        found: list[Line] = []
        while True:
            lines, behind, _ = await self._ask(0)
            found += lines
            if self._over(lines, behind):
                return found

    async def pump(self, merge: Merge, note: Note) -> None:
        """Put what is read into `merge`: to the end, or for ever when it follows. A lost link is taken up again."""
        clock, over = asyncio.get_running_loop().time, False
        while not over:
            try:
                lines, behind, now = await self._ask(WAIT if self._wish.follow else 0)
            except Unreachable as error:
                if self._cursor is None or not self._wish.follow:
                    raise
                note(f"{self.name}: {error.message}; trying again")
                await self.close()
                await asyncio.sleep(AGAIN)
                continue
            merge.put(self.name, lines, lines[-1].key if lines and behind else now, clock())
            over = not self._wish.follow and self._over(lines, behind)
            while merge.held(self.name) > HELD:  # noqa: ASYNC110 - the merge knows no loop
                await asyncio.sleep(PACE)
            if lines and self._wish.follow:
                await asyncio.sleep(PACE)

    def _over(self, lines: list[Line], behind: int) -> bool:
        """Is everything read that was there when we began? One that floods has no other end."""
        if self._left is None:
            self._left = behind
        else:
            self._left -= sum(len(one.text) + 1 for one in lines)
        return not behind or self._left < 0

    async def _ask(self, wait: float) -> tuple[list[Line], int, float]:
        """The next lines, bytes that are left to read, and the host's clock."""
        if self._client is None:
            self._client = await self._open(self._address)
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            answer = await self._client.call("logs", **self._wish.args(), cursor=self._cursor, wait=wait)
        except Unreachable:
            if self._wish.grep is None or not STUCK <= clock() - began < SILENT:
                raise
            raise UsageError(
                f"the expression did not come to an end within {STUCK:.0f} s on {self.name}",
                where=f"--grep {self._wish.grep}",
                remedy="a simpler one: `(a+)+` and the like try every way there is",
            ) from None
        self._cursor, self.files = answer["cursor"], int(answer["files"])
        lines = [Line(self.name, ts, key, stream, text) for ts, key, stream, text in answer["lines"]]
        return lines, int(answer["behind"]), float(answer["now"])

    async def close(self) -> None:
        """Let go of the host."""
        client, self._client = self._client, None
        if client:
            await client.close()


async def read(
    environment: Environment, reach: Reach, hosts: list[Address], wish: Wish, out: Out, note: Note
) -> int:
    """Read to the end, or until cancelled when it follows; how many log files there are.

    All hosts are read; then the first error of one that could not be is raised.
    """
    feeds = [Feed(address, wish, lambda address: connect(environment, reach, address)) for address in hosts]
    errors: dict[str, BaseException] = {}
    try:
        if wish.lines is not None:
            await _past(feeds, wish.lines, out, errors)
        if wish.follow and len(errors) < len(feeds):  # its end, which tells them, may be far away
            for name, error in errors.items():
                note(_without(name, error))
        if wish.lines is None or wish.follow:
            await _pump([feed for feed in feeds if feed.name not in errors], out, note, errors)
        for name, error in errors.items():
            if isinstance(error, TurnoutError):
                error.host = name
            raise error
        return sum(feed.files for feed in feeds)
    finally:
        await asyncio.gather(*(feed.close() for feed in feeds), return_exceptions=True)


async def _past(feeds: list[Feed], count: int, out: Out, errors: dict[str, BaseException]) -> None:
    lines: list[Line] = []
    for feed, past in zip(
        feeds, await asyncio.gather(*(feed.past() for feed in feeds), return_exceptions=True), strict=True
    ):
        if isinstance(past, BaseException):
            errors[feed.name] = past
        else:
            lines += past
    lines.sort(key=lambda line: line.key)
    await out(lines[-count:] if count else [])


def _without(name: str, error: BaseException) -> str:
    return f"{name}: {getattr(error, 'message', error)}; only the others are read"


async def _pump(feeds: list[Feed], out: Out, note: Note, errors: dict[str, BaseException]) -> None:
    merge = Merge(feed.name for feed in feeds)

    async def pump(feed: Feed) -> None:
        try:
            await feed.pump(merge, note)
        except TurnoutError as error:
            if feed.follows and len(feeds) > 1:
                note(_without(feed.name, error))
            raise

    tasks = {feed.name: asyncio.create_task(pump(feed)) for feed in feeds}
    try:
        while lines := await _turn(merge, tasks):
            await out(lines)
    finally:
        for task in tasks.values():
            task.cancel()
        ends = await asyncio.gather(*tasks.values(), return_exceptions=True)
    errors.update(
        {name: end for name, end in zip(tasks, ends, strict=True) if isinstance(end, BaseException)}
    )


async def _turn(merge: Merge, tasks: dict[str, asyncio.Task[None]]) -> list[Line]:
    """The next lines; none at the end of all of them."""
    while True:
        ended = [name for name, task in tasks.items() if task.done()]
        for name in ended:
            merge.forget(name)
        lines = merge.ready(asyncio.get_running_loop().time())
        if lines or len(ended) == len(tasks):
            return lines
        await asyncio.sleep(PACE / 2)
