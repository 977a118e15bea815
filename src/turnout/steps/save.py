"""save: what runs is remembered, by PM2 and for the next boot."""

from __future__ import annotations

from turnout.steps.follow import follow
from turnout.steps.going_back import undo
from turnout.steps.work import Done, Target, Work


async def save(work: Work, host: Target) -> Done:
    """Read along while the pointsman saves; a problem here is told and does not undo a proved release."""
    entry = await follow(work, host, "save", ["activation.saved"])
    problems = list(entry.get("problems") or [])
    work.notes += [f"{host.name}: {problem}" for problem in problems]
    await follow(work, host, "save", [])
    if work.command == "rollback":
        work.notes += undo(work, host)
    if host.facts.get("boot") is None:
        return Done("PM2 saved; no way to start it at boot (turnout doctor)")
    return Done("PM2 and the boot")
