"""The rolling reload: worker after worker, asked of PM2's daemon as PM2's own command asks it (7.0.4, lib/API.js).

The command takes 0.2 s to begin and to end, and waits for each old worker's end before it goes on (docs/facts.md).
Here the next worker boots while the old one before it drains: as many serve at any moment.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any, Callable, Dict, Iterable, List, Tuple

from turnout_host.processes import rpc

PAUSE = 0.02
"""Seconds between two looks."""
LEAVING = 1
"""Old workers that may still drain when the next worker is asked for: each takes its memory until it ends."""


class Stopped(Exception):
    """`stop` said that it can only end badly."""


def roll(
    socket: str,
    requests: Iterable[Tuple[int, Dict[str, Any]]],
    serves: Callable[[int], bool],
    stop: Callable[[], bool],
    limit: float,
) -> None:
    """Reload each process by its number and environment, until each new one serves; the last old ones may still drain.

    `serves` says that the new worker of this number listens, and so does the daemon's answer, which comes when the old
    one is gone. Raises Stopped, and RpcError when the daemon refuses, goes, or needs more than `limit` seconds for one.
    """

    def until(true: Callable[[], bool]) -> None:
        while not true():
            if stop():
                raise Stopped
            time.sleep(PAUSE)

    def leave(most: int) -> None:
        """Wait until no more than so many old workers drain."""
        while len(draining) > most or (draining and draining[0].answered()):
            until(draining[0].answered)
            draining.pop(0).answer()

    draining: List[rpc.Request] = []
    with ExitStack() as opened:
        for number, env in requests:
            request = rpc.Request(socket, "reloadProcessId", [{"id": number, "env": env}], limit)
            draining.append(opened.enter_context(request))
            until(lambda: request.answered() or serves(number))  # noqa: B023 - called at once
            leave(LEAVING)
