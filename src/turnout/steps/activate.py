"""activate: the host leads `current` to the release and reloads PM2, by itself."""

from __future__ import annotations

from turnout.errors import TurnoutError, Unreachable
from turnout.steps.follow import ask, begin, follow
from turnout.steps.work import Done, Target, Work


async def activate(work: Work, host: Target) -> Done:
    """Ask the host for the switch and read along until PM2 has reloaded; the host goes on without us if need be."""
    begin(host, group=len(work.targets) > 1)
    try:
        await ask(
            work,
            host,
            kind=work.command,
            by=work.by,
            **work.settings,
            boot_seconds=host.boot_seconds,
            restart_pm2=work.deploy.restart_pm2,
            because=host.because,
            group=host.switch["group"],
        )
    except Unreachable:
        host.switch["linked"] = False
    except TurnoutError:
        host.switch = {}
        raise
    entry = await follow(work, host, "activate", ["activation.reloaded", "activation.reverting"])
    if entry["type"] == "activation.reverting":
        await follow(work, host, "activate", [])
    previous = host.switch.get("previous")
    return Done(f"{previous} → {host.release}" if previous else host.release)
