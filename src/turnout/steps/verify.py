"""verify: proof from every worker, then the bake; else the host reverts."""

from __future__ import annotations

from turnout.steps import group
from turnout.steps.follow import follow
from turnout.steps.survey import CLUSTER
from turnout.steps.work import Done, Target, Work


async def verify(work: Work, host: Target) -> Done:
    """Read along until the release has baked; of several hosts, the last one to get there blesses it on all.

    What is said here comes from the journal, never from PM2's word.
    """
    entry = await follow(work, host, "verify", ["activation.proved", "activation.reverting"])
    if entry["type"] == "activation.proved":
        by = entry.get("proof")
        work.note(f"{len(entry.get('pids') or [])} processes proved by {by}", "verify", host)
        if by == "process":
            work.notes.append(
                "proved by process, not by answer: the health body has neither `pid` nor `release`"
            )
        if entry.get("gap_seconds"):
            gap = float(entry["gap_seconds"])
            work.notes.append(
                f"fork mode: nobody answered for {gap:g} s during the switch; {CLUSTER} has no such gap"
            )
        await follow(work, host, "verify", ["activation.baked", "release.blessed"])
        host.switch["baked"] = True
        if host.switch["group"] and all(one.switch.get("baked") for one in work.targets):
            await group.agree(work)
        proof = "by answer" if by == "answer" else "by process, not by answer"
        return Done(f"{len(entry.get('pids') or [])} processes proved {proof}")
    await follow(work, host, "verify", [])
    return Done()
