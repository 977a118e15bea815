"""package: the manifest and its contents, and the production dependencies if a host lacks them."""

from __future__ import annotations

import asyncio

from turnout import text
from turnout.steps.ahead import layer_of
from turnout.steps.connect import first_error
from turnout.steps.unchanged import unchanged
from turnout.steps.work import Done, NothingToDo, Work


async def package(work: Work) -> Done:
    """Choose the files that are sent; where every host serves exactly this already, the deployment ends here."""
    if not all(task.done() for task in work.making.values()):
        work.note("waiting for the production dependencies", "package")
    first_error(
        await asyncio.gather(*(layer_of(work, host) for host in work.targets), return_exceptions=True)
    )
    reason = await unchanged(work)
    if reason:
        raise NothingToDo("unchanged", reason, work.targets[0].running)
    manifest = work.artifact.manifest
    return Done(f"{manifest.count} entries, {text.size(manifest.size)}")
