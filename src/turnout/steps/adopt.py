"""The steps of `host adopt`: what the old workflow deployed becomes a release, and goes on serving (DESIGN 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnout.errors import TurnoutError
from turnout.source.git import Repository
from turnout.steps.connect import connect
from turnout.steps.survey import refuse
from turnout.steps.work import Done, NothingToDo, Target, Work

if TYPE_CHECKING:
    from turnout.config.schema import Config, Environment


async def asked(config: Config, environment: Environment) -> dict[str, Any]:
    """The args of the host's calls `adoption` and `adopt`: what git and turnout.toml explain of its folder."""
    repository = await Repository.find(config.file.parent)
    return {
        **config.settings(environment),
        "known": await repository.ever(config.source),
        "include": list(config.package.include),
        "shared": list(config.release.shared),
        "ignore": list(config.release.adopt_ignore),
    }


async def begin(work: Work) -> None:
    """Reach the hosts, take their leases, and see which of them there is something to adopt on."""
    await connect(work, "survey")
    wanted = await asked(work.config, work.environment)
    for host in work.targets:
        host.state["adoption"] = await host.client.call("adoption", **wanted)
    if not any(host.state["adoption"]["needed"] for host in work.targets):
        raise NothingToDo(
            "unchanged", "there is no folder of the old workflow to adopt", work.targets[0].running
        )


async def survey(work: Work, host: Target) -> Done:
    """Refuse what would be lost or could not be proved; before anything is changed."""
    seen = host.state["adoption"]
    if not seen["needed"]:
        return Done("there is nothing to adopt here", "skipped")
    refuse(host, seen["findings"])
    host.release = str(seen["release"])
    work.notes += [f"{host.name}: {found['why']}" for found in seen["findings"]]
    return Done(f"current/ becomes {host.release}")


async def adopt(work: Work, host: Target) -> Done:
    """Rehearse what runs; then one exchange of names makes it a release, and no process notices."""
    if not host.release:
        return Done("", "skipped")
    answer = await host.client.call(
        "adopt",
        on_event=work.listen("adopt", host),
        by=work.by,
        **await asked(work.config, work.environment),
    )
    if answer["gap"]:
        work.notes.append(
            f"{host.name}: this file system cannot exchange names; `current` was gone for a moment"
        )
    return Done(f"current → {answer['release']}")


async def verify(work: Work, host: Target) -> Done:
    """Prove every process, watch for the bake time, bless: from now on it can be gone back to."""
    if not host.release:
        return Done("", "skipped")
    try:
        answer = await host.client.call(
            "prove_adopted",
            on_event=work.listen("verify", host),
            by=work.by,
            **await asked(work.config, work.environment),
        )
    except TurnoutError as error:
        error.state = error.state or f"current leads to {host.release}, as it was; nothing was deleted"
        raise
    how = "reloaded" if answer["reloaded"] else "untouched"
    return Done(f"{len(answer['pids'])} processes, {how}, proved by {answer['proof']}")
