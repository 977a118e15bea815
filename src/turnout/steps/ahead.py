"""Not a step: layers that a host lacks are made, sent and laid out while the build runs (decision 011).

`package` waits for those that are made, `upload` for those that are sent; each raises what went wrong.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from turnout.builder import dependencies, pruning
from turnout.builder.runtime import own_platform
from turnout.errors import UsageError
from turnout.steps.send import Sent, send
from turnout.steps.toolchain import here

if TYPE_CHECKING:
    from turnout.artifact.tree import Tree
    from turnout.steps.work import Target, Work


ROOMY = {"free": 2 << 30, "inodes_free": 200_000}
"""Free bytes and inodes from which on a host is sure to have room for the artifact, too, which is not built yet."""


def begin(work: Work, host: Target) -> None:
    """The survey let this host pass. When it let all of them pass, all begin: one that refuses stops every other.

    A promotion's layers come from another environment's host, in one go.
    """
    host.surveyed = True
    if work.origin is None and all(one.surveyed for one in work.targets):
        for one in work.targets:
            one.ahead = asyncio.create_task(_layers(work, one), name="ahead")


async def _layers(work: Work, host: Target) -> Sent:
    """Node and PM2 travel while the dependencies are made; short of room, `upload` sends all of it at once."""
    if any(host.facts["disk"][what] < enough for what, enough in ROOMY.items()):
        await _made(work, host)
        return Sent()
    toolchain = await send(work, host, "upload", artifact=False)
    await _made(work, host)
    modules = await send(work, host, "upload", artifact=False)
    return Sent(toolchain.lacked + modules.lacked, toolchain.sent + modules.sent)


async def _made(work: Work, host: Target) -> None:
    """The dependencies, once the build has installed what they can be made of."""
    if pruning.prunes(work.source, work.config):
        await work.installed.wait()
    await layer_of(work, host)


async def sent(host: Target) -> Sent:
    """Wait for what goes ahead, if anything does; from now on its progress is told."""
    host.awaited = True
    return await host.ahead if host.ahead else Sent()


async def stop(work: Work) -> None:
    """The deployment ends before it needed them; what arrived is kept."""
    tasks = [*(host.ahead for host in work.targets if host.ahead), *work.making.values()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def layer_of(work: Work, host: Target) -> None:
    """The key of its production dependencies; made here, once, when a host of our platform lacks them.

    Raises UsageError where DESIGN 7 `[dependencies] where` cannot be obeyed, and what making it raises.
    """
    where, own = work.config.dependencies.where, own_platform()
    key = dependencies.key(work.source, work.config, work.runs.node, host.platform)
    host.layers["dependencies"] = key
    if where == "ship" and host.platform != own:
        raise UsageError(f'`where = "ship"`, but {host.name} is {host.platform} and this machine is {own}')
    if not host.lacks(key) or where == "host" or host.platform != own or key in work.layers:
        return
    if key not in work.making:
        work.making[key] = asyncio.create_task(_make(work), name="dependencies")
    work.layers[key] = await work.making[key]


async def _make(work: Work) -> Tree:
    work.note("making the production dependencies, once for this lock file", "package")
    work.runs = await here(work, "package")
    return await dependencies.make(
        work.cache, work.source, work.config, work.runs, work.modules, work.output("package")
    )
