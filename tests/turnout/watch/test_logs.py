"""Logs of several hosts, each answered by a host program that is played here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from turnout.errors import TurnoutError, Unreachable
from turnout.model import Address
from turnout.watch import logs
from turnout.watch.logs import HELD, Wish, read
from turnout.watch.merge import Line

A, B = Address.parse("deploy@203.0.113.5"), Address.parse("deploy@203.0.113.6")


class Played:
    """A host with these lines (their times); an error among them is raised in its place, once."""

    def __init__(self, *script: float | TurnoutError, batch: int = 2) -> None:
        self.script, self.batch, self.opened, self.closed, self.asked = list(script), batch, 0, 0, 0

    async def call(self, name: str, **args: Any) -> dict[str, Any]:
        assert name == "logs"
        at = int((args["cursor"] or {"at": 0})["at"])
        self.asked = at
        taken = self.script[at : at + self.batch]
        for number, one in enumerate(taken):
            if isinstance(one, TurnoutError):
                if number == 0:
                    del self.script[at]
                    raise one
                taken = taken[:number]
                break
        await asyncio.sleep(0 if taken else 0.01)
        lines = [[one, one, "out", f"{one:g}"] for one in taken]
        behind = 10 * (len(self.script) - at - len(taken))  # bytes
        return {"lines": lines, "cursor": {"at": at + len(taken)}, "behind": behind, "files": 1, "now": 1e6}

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def play(**played: Played | TurnoutError) -> None:
        by_name = {str(A): played["a"], str(B): played["b"]}

        async def connect(_environment: Any, _reach: Any, address: Address) -> Any:
            host = by_name[str(address)]
            if isinstance(host, TurnoutError):
                raise host
            host.opened += 1
            return host

        monkeypatch.setattr(logs, "connect", connect)
        monkeypatch.setattr(logs, "AGAIN", 0.01)

    return play


class Reading:
    """What came out of one `read`."""

    def __init__(self, wish: Wish) -> None:
        self.texts: list[str] = []
        self.notes: list[str] = []
        self._wish, self._changed = wish, asyncio.Event()

    async def out(self, lines: list[Line]) -> None:
        self.texts += [line.text for line in lines]
        self._changed.set()

    async def run(self) -> int:
        return await read(None, None, [A, B], self._wish, self.out, self.notes.append)  # type: ignore[arg-type]

    async def until(self, text: str) -> None:
        """Follow until this line was shown, then leave."""
        work = asyncio.create_task(self.run())
        while text not in self.texts and not work.done():
            self._changed.clear()
            await asyncio.wait(
                [work, asyncio.create_task(self._changed.wait())], return_when="FIRST_COMPLETED"
            )
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_the_last_lines_of_all_hosts_by_time(hosts: Any) -> None:
    """So many of all together, not of each."""
    a, b = Played(1, 3, 5, 7), Played(2, 4, 6)
    hosts(a=a, b=b)
    reading = Reading(Wish(lines=4))
    assert await reading.run() == 2
    assert reading.texts == ["4", "5", "6", "7"]
    assert (a.closed, b.closed) == (1, 1)


async def test_all_since_a_moment_is_streamed_by_time(hosts: Any) -> None:
    """Without holding all of it."""
    hosts(a=Played(*range(1, 400, 2), batch=50), b=Played(*range(2, 300, 2), batch=7))
    reading = Reading(Wish(lines=None, since=0.0))
    await reading.run()
    assert [int(text) for text in reading.texts] == sorted([*range(1, 400, 2), *range(2, 300, 2)])


async def test_a_lost_link_is_taken_up_where_it_was(hosts: Any) -> None:
    """The other host goes on meanwhile; nothing comes twice."""
    a = Played(1, 3, Unreachable("the link was lost"), 5)
    hosts(a=a, b=Played(2, 4))
    reading = Reading(Wish(lines=None, follow=True))
    await reading.until("5")
    assert sorted(reading.texts) == ["1", "2", "3", "4", "5"]
    assert a.opened == 2
    assert reading.notes == [f"{A}: the link was lost; trying again"]


@pytest.mark.parametrize("wish", [Wish(), Wish(lines=None)])
async def test_a_host_that_is_not_there_is_raised_after_the_others_were_shown(hosts: Any, wish: Wish) -> None:
    """Its name is in the error."""
    hosts(a=Unreachable("no answer"), b=Played(1, 2))
    reading = Reading(wish)
    with pytest.raises(Unreachable) as lost:
        await reading.run()
    assert (lost.value.host, reading.texts) == (str(A), ["1", "2"])


async def test_following_goes_on_without_a_host_that_is_not_there(hosts: Any) -> None:
    """Unless none is."""
    hosts(a=Unreachable("no answer"), b=Played(1, 2))
    reading = Reading(Wish(follow=True))
    await reading.until("2")
    assert reading.texts == ["1", "2"]
    hosts(a=Unreachable("no answer"), b=Unreachable("no answer"))
    with pytest.raises(Unreachable):
        await Reading(Wish(follow=True)).run()


async def test_a_flood_is_held_back_at_the_host(hosts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads slowly holds no more than a few thousand lines; the host keeps the rest."""
    a, taken = Played(*range(100_000), batch=1000), asyncio.Event()
    hosts(a=a, b=Played())
    monkeypatch.setattr(logs, "PACE", 0.001)

    async def slow(lines: list[Line]) -> None:
        if lines:
            taken.set()
            await asyncio.Event().wait()  # a terminal that stands still

    work = asyncio.create_task(read(None, None, [A, B], Wish(lines=None, follow=True), slow, print))  # type: ignore[arg-type]
    await taken.wait()
    first = a.asked
    await asyncio.sleep(0.3)  # without a limit all of it would have come by now
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert a.asked - first <= HELD + 1000


@pytest.mark.parametrize("lines", [10, None])
async def test_following_says_at_once_whose_lines_are_missing(hosts: Any, lines: int | None) -> None:
    """The error itself comes at the end, which may be tomorrow."""
    hosts(a=Played(1, 2), b=Unreachable("nobody answers"))
    reading = Reading(Wish(lines=lines, since=None if lines else 0.0, follow=True))

    await reading.until("2")

    assert reading.notes == [f"{B}: nobody answers; only the others are read"]
