"""checkout: the exact revision, in a clean tree."""

from __future__ import annotations

from turnout.steps.work import Done, Work


async def checkout(work: Work) -> Done:
    """Lay the revision out in a folder of its own; the user's working tree, index and branches are never touched."""
    assert work.repository
    assert work.revision
    folder = work.stack.enter_context(work.cache.workspace())
    work.checkout = await work.repository.checkout(work.revision, folder, work.config.source)
    return Done(f"{work.revision.short} {work.revision.subject}")
