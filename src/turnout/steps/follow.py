"""Not a step: reading along with a pointsman, over a new link when the first one is lost."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from turnout.errors import CannotTell, RevertFailed, TurnoutError, Unhealthy, Unreachable

if TYPE_CHECKING:
    from turnout.steps.work import Target, Work

PATIENCE = 120.0
"""Seconds that a lost link is tried again before we say that we cannot tell."""
PAUSE = 1.0
"""Seconds between two tries."""


async def follow(work: Work, host: Target, step: str, until: list[str]) -> dict[str, Any]:
    """The first journal entry of these types, or the ending; Unhealthy or RevertFailed when that is a revert."""
    if host.ended is None:
        entry = await _watch(work, host, step, until)
        if entry["type"] != "activation.ended":
            return entry
        host.ended = entry
    if host.ended["result"] == "succeeded":
        return host.ended
    raise _bad_end(host, host.ended)


async def _watch(work: Work, host: Target, step: str, until: list[str]) -> dict[str, Any]:
    lost_at: float | None = None
    while True:
        try:
            if lost_at is not None:
                host.client = await _again(work, host)
            answer = await host.client.call(
                "watch",
                on_event=work.listen(step, host),
                deployment=work.id,
                after=host.switch["after"],
                until=until,
            )
        except Unreachable as error:
            lost_at = lost_at or time.monotonic()
            if time.monotonic() - lost_at > PATIENCE:
                raise _cannot_tell(host, error) from error
            work.note(
                "the link was lost; the host carries on by itself, trying to reach it again", step, host
            )
            await asyncio.sleep(PAUSE)
            continue
        host.switch["after"] = answer["after"]
        return dict(answer["entry"])


async def _again(work: Work, host: Target) -> Any:
    client = await work.open(host.address)
    work.stack.push_async_callback(client.close)
    host.lost_bytes += host.client.bytes_sent
    return client


def _bad_end(host: Target, entry: dict[str, Any]) -> TurnoutError:
    previous = host.switch.get("previous")
    why = [str(entry.get("reason") or ""), *(entry.get("tail") or [])]
    if entry["result"] == "reverted":
        error = Unhealthy(
            f"{host.release} could not be proved, and the host went back", why=[line for line in why if line]
        )
        error.result = "reverted"
        error.state = f"{previous} serves again, proved" if previous else "nothing serves, as before"
        error.remedy = ["mend the cause and deploy again", "turnout status"]
        return error
    return RevertFailed(
        f"{host.release} could not be proved, and {previous or 'the way back'} could not either",
        why=[line for line in [*why, str(entry.get("revert_reason") or "")] if line],
        state="unknown: a person must look; nothing more was touched",
        remedy=["turnout status", "on the host: pm2 list; pm2 logs"],
    )


def _cannot_tell(host: Target, error: Unreachable) -> CannotTell:
    return CannotTell(
        "the link was lost during the switch, and the host cannot be asked how it ended",
        why=[error.message],
        state=f"the host ends it by itself: {host.release} if that can be proved, else {host.switch.get('previous')}",
        remedy=["turnout status, when the host can be reached again"],
    )
