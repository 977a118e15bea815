"""Not a step: did somebody else deploy while we were away?

A deployer that was stopped, or whose link was lost, comes back to a host that gave its lease to another one. Its
token is refused there; here it is told so (31), rather than that a link was lost (20).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from turnout.errors import LeaseLost, TurnoutError, Unreachable

if TYPE_CHECKING:
    from turnout.hosts.client import HostClient
    from turnout.steps.work import Target, Work

LIMIT = 5.0
"""Seconds that a host gets to say who deployed last; one that does not answer changes nothing."""


async def overtaken(work: Work, error: TurnoutError) -> TurnoutError:
    """`error`, or LeaseLost in its place where the link was lost under our lease and another deployment has begun."""
    if not isinstance(error, Unreachable):
        return error
    for host in work.targets:
        if host.client.token is None or host.switch:
            continue
        try:
            async with asyncio.timeout(LIMIT), await work.open(host.address) as client:
                other = await newer(work, client)
        except (TurnoutError, TimeoutError):
            continue
        if other:
            taken = lost(host, other)
            taken.step = error.step
            return taken
    return error


async def newer(work: Work, client: HostClient) -> dict[str, Any] | None:
    """The newest deployment of that host, if it began after ours."""
    found = (await client.call("history", limit=1, **work.settings))["deployments"]
    return dict(found[0]) if found and found[0]["deployment"] != work.id else None


def lost(host: Target, other: dict[str, Any]) -> LeaseLost:
    """What people are told of it."""
    error = LeaseLost(
        "another deployment took over while this one was away",
        why=[f"{other['by']} began {other['command'] or 'a deployment'} {other['deployment']} meanwhile"],
        state=f"as the other one left it: {other['release'] or 'it goes on'}; nothing of this one was written since",
        remedy=["turnout status", "then the same command again, if it is still wanted"],
    )
    error.host = host.name
    return error
