"""rehearse: the new release boots on a spare port, where nobody outside sees it."""

from __future__ import annotations

from turnout.steps.work import Done, Target, Work


async def rehearse(work: Work, host: Target) -> Done:
    """Boot it with the real .env and the Node that will serve it; a release that fails here never gets traffic."""
    if not work.config.health.rehearse:
        work.notes.append("not rehearsed: `rehearse = false`")
        return Done("switched off by `rehearse = false`", "skipped")
    answer = await host.client.call(
        "rehearse",
        on_event=work.listen("rehearse", host),
        release=host.release,
        **work.settings,
    )
    host.boot_seconds = float(answer["boot_seconds"])
    return Done(f"well {host.boot_seconds:.1f} s after its start")
