"""build: the app's own commands, in the clean tree; nothing at all if the same inputs were built before."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING

from turnout.builder import build as builder
from turnout.steps.checks import checks, same_as_promised
from turnout.steps.known import known
from turnout.steps.toolchain import here
from turnout.steps.work import Done, Work

if TYPE_CHECKING:
    from pathlib import Path


async def build(work: Work) -> Done:
    """Take what the same inputs gave before, from the hosts or the cache, else install, generate, compile."""
    assert work.checkout
    if work.environment.checks:
        work.installed.set()  # they may take long: the production layer is made beside them
    passed = await checks(work)
    key = builder.build_key(work.checkout, work.config, work.runs, os.environ)
    found = await known(work, key)
    if found:
        work.built, work.bring = found.built, _Builds(work)
        reused = f"{found.release} was built from exactly this and is whole: nothing to build"
    else:
        await really(work)
        reused = "the same inputs were built before" if work.built and work.built.reused else ""
    work.installed.set()
    same_as_promised(work)
    if reused:
        return Done("; ".join([*passed, reused]), "reused")
    return Done("; ".join([*passed, *work.config.build.commands]))


async def really(work: Work) -> None:
    """Run the commands, unless this machine has what they gave."""
    assert work.checkout
    work.runs = await here(work, "build")
    work.built = await builder.build(
        work.cache,
        work.checkout,
        work.config,
        work.runs,
        work.output("build"),
        on_installed=partial(_installed, work),
    )


def _installed(work: Work, modules: Path | None) -> None:
    work.modules = modules
    work.installed.set()


class _Builds:
    """A host turned out to lack contents of what was not built: it is built after all, once."""

    def __init__(self, work: Work) -> None:
        self._work, self._alone, self._done = work, asyncio.Lock(), False

    async def __call__(self, _names: set[str]) -> None:
        """All contents are on this machine afterwards."""
        async with self._alone:
            if not self._done:
                self._work.note("a host lacks contents of it: building it after all", "build")
                await really(self._work)
                self._done = True
