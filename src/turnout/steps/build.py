"""build: the app's own commands, in the clean tree; nothing at all if the same inputs were built before."""

from __future__ import annotations

from turnout.builder import build as builder
from turnout.steps.checks import checks, same_as_promised
from turnout.steps.work import Done, Work


async def build(work: Work) -> Done:
    """Install, generate, compile; or take what the same inputs gave before."""
    assert work.checkout
    passed = await checks(work)
    work.built = await builder.build(work.cache, work.checkout, work.config, work.runs, work.output("build"))
    same_as_promised(work)
    if work.built.reused:
        return Done("; ".join([*passed, "the same inputs were built before"]), "reused")
    return Done("; ".join([*passed, *work.config.build.commands]))
