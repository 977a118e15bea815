"""resume: what an earlier run left open is finished or undone, and people are told which.

Taking the lease does it (DESIGN 6): the host ends an open switch from its journal and sweeps. So `deploy` does the
same on its own; this only says it.
"""

from __future__ import annotations

from typing import Any

from turnout.errors import RevertFailed, Unhealthy
from turnout.steps.connect import connect
from turnout.steps.work import Done, NothingToDo, Target, Work


async def begin(work: Work) -> None:
    """Reach the hosts and take their leases; hosts end then what was left open."""
    await connect(work, "resume")


async def resume(work: Work, host: Target) -> Done:
    """Say what was ended on one host. Unhealthy when a switch had to be undone, RevertFailed when it could not be."""
    host.release = host.running or ""
    ended = host.recovered or {}
    if ended.get("result") == "reverted":
        raise _undone(host, ended)
    if ended.get("result") == "revert_failed":
        raise RevertFailed(
            f"neither {ended['release']} nor the release before it could be proved",
            why=_why(ended),
            state="unknown: a person must look; nothing more was touched",
            remedy=[f"turnout status {work.environment.name}", "on the host: pm2 list; pm2 logs"],
        )
    done = [f"finished the switch to {ended['release']}"] if ended else []
    done += host.swept
    work.notes += [f"{host.name}: {text}" for text in host.swept]
    return Done(
        "; ".join(done) or f"nothing was left open; {await _last(work, host)}", "done" if done else "skipped"
    )


async def conclude(work: Work) -> Done:
    """Nothing to do where nothing was left open on any host."""
    if not any(host.recovered or host.swept for host in work.targets):
        serves = ", ".join(f"{host.serves} on {host.name}" for host in work.targets)
        raise NothingToDo("unchanged", f"nothing was left open; {serves}", work.targets[0].running)
    return Done("all is ended")


def _undone(host: Target, ended: dict[str, Any]) -> Unhealthy:
    error = Unhealthy(
        f"the switch to {ended['release']} that {ended['deployment']} left open was undone",
        why=_why(ended),
        state=f"{ended['serving']} serves again, proved" if ended["serving"] else "nothing serves, as before",
        remedy=["mend the cause and deploy again"],
    )
    error.result, error.host = "reverted", host.name
    return error


def _why(ended: dict[str, Any]) -> list[str]:
    return [str(ended["reason"])] if ended.get("reason") else []


async def _last(work: Work, host: Target) -> str:
    """How the newest deployment ended, for a person who lost sight of it."""
    found = (await host.client.call("history", limit=20))["deployments"]
    others = [one for one in found if one["deployment"] != work.id and one["command"] != work.command]
    if not others:
        return "nothing was deployed yet"
    one = others[0]
    return f"the last {one['command'] or 'deployment'}, by {one['by']}, {one['result'] or 'is under way'}"
