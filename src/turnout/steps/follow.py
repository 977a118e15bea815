"""Not a step: reading along with a pointsman, over a new link when the first one is lost."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from turnout.errors import CannotTell, LoginError, RevertFailed, TurnoutError, Unhealthy, Unreachable
from turnout.steps.connect import reconnect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from turnout.steps.work import Target, Work

PATIENCE = 120.0
"""Seconds, all losses together, that a lost link is tried again before we say that we cannot tell."""
PAUSE = 1.0
"""Seconds between two tries."""
NEVER_ASKED = "never asked"
LOST = "the link was lost; the host carries on by itself, trying to reach it again"


async def follow(work: Work, host: Target, step: str, until: list[str]) -> dict[str, Any]:
    """The first journal entry of these types, or the ending; Unhealthy or RevertFailed when that is a revert."""
    if host.ended is None:
        entry = await persist(work, host, step, lambda: _read_along(work, host, step, until))
        if entry["type"] == NEVER_ASKED:
            raise _never_asked(host)
        if entry["type"] != "activation.ended":
            return entry
        host.ended = entry
    if host.ended["result"] == "succeeded":
        return host.ended
    raise _bad_end(host, host.ended)


async def persist(
    work: Work, host: Target, step: str, ask: Callable[[], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """Ask a host whose switch is under way, again over a new link when one is lost. Raises CannotTell."""
    while True:
        began = time.monotonic()
        try:
            if not host.switch["linked"]:
                await reconnect(work, host)
                host.switch["linked"] = True
            began = time.monotonic()
            return await ask()
        except (Unreachable, LoginError) as error:  # a host that boots refuses logins for a while
            if host.switch["linked"]:
                work.note(LOST, step, host)
                began = time.monotonic()
            host.switch["linked"] = False
            host.switch["lost"] += time.monotonic() - began + PAUSE
            if host.switch["lost"] > PATIENCE:
                raise _cannot_tell(host, error) from error
            await asyncio.sleep(PAUSE)
        except TurnoutError as error:
            raise _cannot_tell(host, error) from error


async def _read_along(work: Work, host: Target, step: str, until: list[str]) -> dict[str, Any]:
    answer = await host.client.call(
        "watch",
        on_event=work.listen(step, host),
        deployment=work.id,
        after=host.switch["after"],
        until=until,
    )
    host.switch["after"] = answer["after"]
    return dict(answer["entry"] or {"type": NEVER_ASKED})


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


def _never_asked(host: Target) -> Unreachable:
    host.switch = {}
    return Unreachable(
        "the link was lost before the host was asked to switch",
        state=f"serves as before: {host.running or 'nothing'} on {host.name}",
        remedy=["the same command again: what arrived is kept"],
    )


def _cannot_tell(host: Target, error: TurnoutError) -> CannotTell:
    return CannotTell(
        "the link was lost during the switch, and the host cannot be asked how it ended",
        why=[error.message, *error.why],
        state=f"the host ends it by itself: {host.release} if that can be proved, else {host.switch.get('previous')}",
        remedy=["turnout status, when the host can be reached again"],
    )
