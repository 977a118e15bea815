"""build: the app's own commands, in the clean tree; nothing at all if the same inputs were built before."""

from __future__ import annotations

from turnout.builder import build as builder
from turnout.steps.work import Done, Work


async def build(work: Work) -> Done:
    """Install, generate, compile; or take what the same inputs gave before."""
    assert work.checkout
    work.built = await builder.build(work.cache, work.checkout, work.config, work.runs, work.output("build"))
    if work.built.reused:
        return Done("the same inputs were built before", "reused")
    return Done("; ".join(work.config.build.commands))
