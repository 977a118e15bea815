"""checkout: the exact revision, in a clean tree."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from turnout.steps.work import Done, Work


async def checkout(work: Work) -> Done:
    """Lay the revision out in a folder of its own; the user's working tree, index and branches are never touched."""
    assert work.repository
    assert work.revision
    parent = work.cache.root / "checkouts"
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{work.id}-", dir=parent))
    work.stack.push_async_callback(asyncio.to_thread, shutil.rmtree, folder, ignore_errors=True)
    work.checkout = await work.repository.checkout(work.revision, folder, work.config.source)
    return Done(f"{work.revision.short} {work.revision.subject}")
