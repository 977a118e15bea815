"""Not a step: several hosts bless a release together, or none does (DESIGN 6)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from turnout.errors import Cancelled, RevertFailed, TurnoutError
from turnout.steps.connect import first_error
from turnout.steps.follow import follow, persist

if TYPE_CHECKING:
    from turnout.steps.work import Target, Work

FAREWELL = 5.0
"""Seconds to tell the hosts when a person stops the deployment."""


async def agree(work: Work) -> None:
    """Every host has proved the release: say so to all, unless one fell sick while it waited; then raises its end."""
    answers = await asyncio.gather(*(_say(work, host) for host in work.targets), return_exceptions=True)
    first_error(answers)
    for host, answer in zip(work.targets, answers, strict=True):
        if isinstance(answer, dict) and not answer["waits"]:
            await follow(work, host, "verify", [])
    told = await asyncio.gather(*(_say(work, host, "well") for host in work.targets), return_exceptions=True)
    first_error(told)


async def take_back(work: Work, error: BaseException) -> BaseException:
    """One host failed: those that wait for it go back. Gives what to tell: a way back that failed is worse."""
    waiting = [host for host in work.targets if host.switch.get("group") and _under_way(host)]
    if not waiting:
        return error
    if isinstance(error, TurnoutError):
        error.state = ""  # it changes; the runner tells it anew
    if isinstance(error, Cancelled):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                words = (_say(work, host, "sick", "stopped") for host in waiting)
                await asyncio.gather(*words, return_exceptions=True)
        return error
    try:
        ends = await asyncio.gather(
            *(_go_back(work, host, error) for host in waiting), return_exceptions=True
        )
    except asyncio.CancelledError:  # a person does not wait for it
        return error
    for host, end in zip(waiting, ends, strict=True):
        if isinstance(end, RevertFailed):
            end.host, end.step, end.state = host.name, "verify", ""
            return end
    went_back = any((host.ended or {}).get("result") == "reverted" for host in waiting)
    if went_back and isinstance(error, TurnoutError) and not isinstance(error, RevertFailed):
        error.result = "reverted"
    return error


def _under_way(host: Target) -> bool:
    return host.ended is None and bool(host.switch["linked"])


async def _go_back(work: Work, host: Target, error: BaseException) -> None:
    work.note("going back: another host is not well", "verify", host)
    await _say(work, host, "sick", str(error))
    await follow(work, host, "verify", [])


async def _say(
    work: Work, host: Target, word: str | None = None, reason: str | None = None
) -> dict[str, Any]:
    host.switch["word"] = word
    return await persist(
        work,
        host,
        "verify",
        lambda: host.client.call("group", deployment=work.id, word=word, reason=reason),
    )
