"""`--keep`: stays until Ctrl-C, and shows how the clients fare meanwhile."""

from __future__ import annotations

import asyncio
import sys

from turnout.cli.block import wants_color
from turnout.cli.demo.traffic import Figures, TrafficThread

LOOK = 0.5
"""Seconds between two looks at the figures."""


async def keep(traffic: TrafficThread, silent: bool) -> None:
    """Wait for Ctrl-C or SIGTERM, which is how this ends well."""
    task = asyncio.current_task()
    try:
        await (asyncio.Event().wait() if silent or not wants_color(sys.stderr) else _show(traffic))
    except asyncio.CancelledError:
        if task:
            task.uncancel()


async def _show(traffic: TrafficThread) -> None:
    """One line, redrawn in place."""
    from rich.console import Console

    before = traffic.mark()
    with Console(stderr=True, highlight=False).status("") as status:
        while True:
            now = traffic.mark()
            status.update(line(now, now - before))
            before = now
            await asyncio.sleep(LOOK)


def line(all_of_it: Figures, lately: Figures) -> str:
    """`v1 answers · 12,345 requests, 0 failed`."""
    who = " and ".join(sorted(lately.releases)) or "nobody"
    verb = "answer" if len(lately.releases) > 1 else "answers"
    return f"{who} {verb} · {all_of_it.requests:,} requests, {all_of_it.failed:,} failed"
