"""prune: old releases go, with the layers and contents that only they used."""

from __future__ import annotations

from turnout.steps.backup import retention
from turnout.steps.work import Done, Target, Work


async def prune(work: Work, host: Target) -> Done:
    """Keep the running release and the `keep` blessed ones before it."""
    answer = await host.client.call("prune", keep=work.config.release.keep, backups=retention(work.config))
    removed = answer["removed"]
    return Done(
        f"removed {', '.join(removed)}" if removed else f"keeps {work.config.release.keep} blessed ones"
    )
