"""Waiting for those who are told: never longer than the limit, and it is said who was left out."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from turnout.steps.notify import settle


async def test_a_channel_that_hangs_is_given_up_and_noted() -> None:
    """After a cancellation there are only seconds; what was told in time has its own notes."""

    async def hang() -> list[str]:
        await asyncio.Event().wait()
        return []

    async def fail() -> list[str]:
        return ["Slack could not be told"]

    late, early = asyncio.create_task(hang()), asyncio.create_task(fail())
    work: Any = SimpleNamespace(telling=[late, early], notes=[])

    await settle(work, 0.0)
    await asyncio.gather(late, return_exceptions=True)
    assert late.cancelled()
    assert "not everybody was told within 0 s" in work.notes

    work.telling = [early]
    await settle(work)
    assert "Slack could not be told" in work.notes
