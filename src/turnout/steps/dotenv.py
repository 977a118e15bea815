"""dotenv: the release's own 0600 copy of the environment's .env."""

from __future__ import annotations

from turnout.steps.work import Done, Target, Work


async def dotenv(work: Work, host: Target) -> Done:
    """Copy it on the host, with RELEASE_ID and TURNOUT_RELEASE added; its values never travel."""
    answer = await host.client.call("dotenv", release=host.release)
    taken = answer["taken_over"]
    if taken:
        work.notes.append(
            f"{host.name}: current/.env was edited by hand and is taken over: {', '.join(taken)}"
        )
    return Done(f"{len(answer['keys'])} keys")
