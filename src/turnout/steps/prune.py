"""prune: old releases go, with the layers and contents that only they used."""

from __future__ import annotations

from turnout.errors import TurnoutError
from turnout.steps.backup import retention
from turnout.steps.connect import hold
from turnout.steps.work import Done, Target, Work


async def prune(work: Work, host: Target) -> Done:
    """Keep the running release and the `keep` blessed ones before it.

    A failure here is told and changes no result: the new release serves, proved, and the next deploy cleans up.
    """
    try:
        await hold(work, host)
        answer = await host.client.call(
            "prune", keep=work.config.release.keep, backups=retention(work.config)
        )
    except TurnoutError as error:
        work.notes.append(f"{host.name}: old releases were not pruned ({error}); the next deploy does it")
        return Done("left to the next deploy", "skipped")
    removed = answer["removed"]
    return Done(
        f"removed {', '.join(removed)}" if removed else f"keeps {work.config.release.keep} blessed ones"
    )
