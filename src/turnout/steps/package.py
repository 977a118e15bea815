"""package: the manifest and its contents, and the production dependencies if a host lacks them."""

from __future__ import annotations

from turnout import text
from turnout.builder import dependencies
from turnout.builder.runtime import own_platform
from turnout.errors import UsageError
from turnout.steps.toolchain import here
from turnout.steps.unchanged import unchanged
from turnout.steps.work import Done, NothingToDo, Work


async def package(work: Work) -> Done:
    """Choose the files that are sent; where every host serves exactly this already, the deployment ends here."""
    await layers_of(work)
    reason = await unchanged(work)
    if reason:
        raise NothingToDo("unchanged", reason, work.targets[0].running)
    manifest = work.artifact.manifest
    return Done(f"{manifest.count} entries, {text.size(manifest.size)}")


async def layers_of(work: Work) -> None:
    """The layer's key for each host; made here when a host of our platform lacks it (DESIGN 7 [dependencies] where)."""
    where, own = work.config.dependencies.where, own_platform()
    for host in work.targets:
        key = dependencies.key(work.source, work.config, work.runs.node, host.platform)
        host.layers["dependencies"] = key
        if where == "ship" and host.platform != own:
            raise UsageError(
                f'`where = "ship"`, but {host.name} is {host.platform} and this machine is {own}'
            )
        if host.lacks(key) and where != "host" and host.platform == own and key not in work.layers:
            work.note("making the production dependencies, once for this lock file", "package")
            work.runs = await here(work, "package")
            tree = await dependencies.make(
                work.cache, work.source, work.config, work.runs, own, work.output("package")
            )
            work.layers[tree.key] = tree
