"""`turnout package`: builds as a deployment would, and writes the spec's backend-deploy.tar.gz. No host is reached."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.artifact import archive
from turnout.builder import dependencies
from turnout.builder.cache import Cache
from turnout.builder.runtime import own_platform
from turnout.config.surroundings import Reach
from turnout.runner import connect
from turnout.source.git import Repository
from turnout.steps import build, checkout, toolchain
from turnout.steps.work import Work

if TYPE_CHECKING:
    from turnout.config.schema import Config, Environment
    from turnout.events import Bus
    from turnout.model import DeployOptions, Revision


@dataclass(frozen=True)
class Packed:
    """What was written. `platform` and `node` are those of its node_modules."""

    file: Path
    revision: Revision
    entries: int
    size: int
    platform: str
    node: str


async def pack(
    config: Config, environment: Environment, options: DeployOptions, bus: Bus, file: Path
) -> Packed:
    """Build the revision and write the package. Raises BuildError, PackageError, UsageError, OSError."""
    nowhere = Reach(())
    async with AsyncExitStack() as stack:
        opener = partial(connect, environment, nowhere)
        work = Work(config, environment, nowhere, bus, Cache(), opener, stack, "package", options)
        work.repository = await Repository.find(config.file.parent)
        work.revision = await work.repository.resolve(options.ref, config.source)
        await checkout.checkout(work)
        await toolchain.toolchain(work)
        work.note("building", "build")
        await build.build(work)
        work.note("production dependencies", "build")
        output = work.output("build")
        layer = await dependencies.make(work.cache, work.source, config, work.runs, work.modules, output)
        parts = [(tree.manifest, tree.folder) for tree in (work.artifact, layer)]
        names = {entry.path.split("/")[0] for entry in work.artifact.manifest.entries} - {".npmrc"}
        work.note("packing", "package")
        entries, size = await asyncio.to_thread(archive.write, parts, file, sorted({*names, "node_modules"}))
        return Packed(file, work.revision, entries, size, own_platform(), work.runs.node)
