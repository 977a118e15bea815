"""pin: a release that is never pruned, until the pin is removed."""

from __future__ import annotations

from turnout.errors import UsageError
from turnout.steps.work import Done, Target, Work


async def pin(release: str, remove: bool, work: Work, host: Target) -> Done:
    """Journal the pin on one host, or its end."""
    if not host.record(release):
        there = ", ".join(one["release"] for one in host.state["releases"]) or "none"
        raise UsageError(
            f"there is no release {release} on {host.name}",
            why=f"there is {there}",
            remedy="turnout releases",
        )
    answer = await host.client.call("pin", release=release, by=work.by, remove=remove)
    if not answer["changed"]:
        return Done(f"{release} was {'not pinned' if remove else 'pinned already'}", "skipped")
    return Done(f"{release} is {'no longer pinned' if remove else 'pinned'}")
