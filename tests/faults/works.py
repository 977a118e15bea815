"""What the host program does while it is hurt at a file call: each prepares itself, acts, and says how it went."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.faults.small_host import SmallHost
from turnout.errors import Unreachable
from turnout.hosts.client import HostClient
from turnout_host.switch import back_up, point

Step = Callable[[SmallHost, HostClient], Awaitable[None]]


class Work(NamedTuple):
    """`act` says how it went, `well` where nothing hurts it. From the failpoint `at` on the pointsman is hurt, too."""

    name: str
    prepare: Step
    act: Callable[[SmallHost, HostClient], Awaitable[str]]
    well: str
    few: int
    """How many cells the default run has."""
    at: str = ""
    then: str = ""
    """What the part after the proof is called."""
    own: bool = True
    """Is the program that carries out the call hurt, too?"""


async def _nothing(there: SmallHost, client: HostClient) -> None:
    there.made += 1
    await there.acquire(client)


async def _stage(there: SmallHost, client: HostClient) -> str:
    await there.bring(client)
    return "staged"


def _brought(mode: str) -> Callable[[SmallHost, HostClient], Awaitable[None]]:
    async def prepare(there: SmallHost, client: HostClient) -> None:
        await _nothing(there, client)
        await there.bring(client, mode)

    return prepare


async def _switch(there: SmallHost, client: HostClient) -> str:
    entry = await there.switch(client, _newest(there))
    return str(entry["result"])


def _newest(there: SmallHost) -> str:
    return max((path.name for path in there.layout.releases.iterdir()), key=lambda name: int(name[1:]))


async def _old_ones(there: SmallHost, client: HostClient) -> None:
    """A blessed release more, so that the one before may go, with its backup; nothing runs here."""
    await _nothing(there, client)
    release = there.layout.release(await there.bring(client))
    if there.layout.current.exists():
        back_up(there.layout, there.layout.current.resolve(), f"backup-{there.made:06}")
    point(there.layout, release)
    there.append("release.blessed", client.token, release=release.name)
    await client.call("state")  # it reads the journal anew


async def _prune(there: SmallHost, client: HostClient) -> str:
    await client.call("prune", keep=0, backups={})
    return "pruned"


async def _left_open(there: SmallHost, client: HostClient) -> None:
    """A switch that was asked for and never begun, a release that was never activated, and a temporary folder."""
    there.made += 1
    async with there.connected() as dead:
        await there.acquire(dead)
        await there.bring(dead)
        await there.bring(dead)
        there.lay("host:activation.asked:after", "kill")
        try:
            await there.switch(dead, _newest(there))
        except Unreachable:
            (there.layout.tmp / "left").mkdir()
            (there.layout.tmp / "left/half").write_bytes(b"half")


async def _recover(there: SmallHost, client: HostClient) -> str:
    await there.acquire(client)
    ended = there.state().ended  # by this contact, or by a pointsman of the dead one that was still there
    return str(ended and ended["result"])


WORKS = {
    work.name: work
    for work in (
        Work("stage", _nothing, _stage, "staged", 4),
        Work(
            "activate",
            _brought("anonymous"),
            _switch,
            "succeeded",
            2,
            "pointsman:activate:enter",
            then="bless",
        ),
        Work("revert", _brought("500"), _switch, "reverted", 1, "pointsman:revert:enter", own=False),
        Work("prune", _old_ones, _prune, "pruned", 4),
        Work("recovery", _left_open, _recover, "succeeded", 1, "pointsman:activate:enter"),
    )
}
