"""Not a step: asking for a switch and reading along with its pointsman, over a new link when the first one is lost.

One call asks and reads along to the end, so that a step costs no round trip; `Target.switch` has what was read.
"""

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


def begin(host: Target, *, group: bool) -> None:
    """Nothing was asked yet. A link that is cut from here on leaves a switch that may be under way."""
    host.switch = {"after": 0, "previous": host.running, "linked": True, "lost": 0.0, "group": group}
    host.switch |= {"asked": False, "entries": [], "reading": None, "news": asyncio.Event()}


async def ask(work: Work, host: Target, **args: Any) -> None:
    """Ask for the switch that `begin` made ready for. Raises what the host refuses it with, and Unreachable."""
    switch = host.switch
    _read(work, host, "activate", release=host.release, **args)
    while not switch["asked"]:
        if switch["reading"].done():
            _answer(switch)
        await _news(switch)


async def _read_along(work: Work, host: Target, step: str, until: list[str]) -> dict[str, Any]:
    switch = host.switch
    switch["step"] = step
    while True:
        while switch["entries"]:
            entry: dict[str, Any] = switch["entries"].pop(0)
            if entry["type"] in {*until, "activation.ended"}:
                return entry
        if switch["reading"] is None:
            _read(work, host, "watch", after=switch["after"])
        elif not switch["reading"].done():
            await _news(switch)
        elif not _answer(switch)["entry"]:
            return {"type": NEVER_ASKED}


def _read(work: Work, host: Target, call: str, **args: Any) -> None:
    """Begin to read along; a group's host must be free for other calls when it waits for the others."""
    switch = host.switch

    def hear(event: dict[str, Any]) -> None:
        if event.get("kind") == "asked":
            switch.update(asked=True, after=event["after"], previous=event["previous"])
        elif event.get("kind") == "entry":
            switch["entries"].append(event["entry"])
            switch["after"] = event["entry"]["seq"]
        else:
            work.listen(switch.get("step", "activate"), host)(event)
        switch["news"].set()

    until = ["activation.baked"] if switch["group"] else []
    reading = asyncio.create_task(
        host.client.call(call, on_event=hear, deployment=work.id, until=until, **args), name=call
    )
    reading.add_done_callback(lambda task: _seen(task, switch))
    switch["reading"] = reading


def _seen(reading: asyncio.Task[Any], switch: dict[str, Any]) -> None:
    """Its failure is looked at here, or asyncio complains when the deployer was stopped and nobody waits any more."""
    if not reading.cancelled():
        reading.exception()
    switch["news"].set()


async def _news(switch: dict[str, Any]) -> None:
    await switch["news"].wait()
    switch["news"].clear()


def _answer(switch: dict[str, Any]) -> dict[str, Any]:
    """What the call that has ended gave; the next one is a new one."""
    reading, switch["reading"] = switch["reading"], None
    return dict(reading.result())


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
