"""How long a reload takes, one worker after another and several at once: `python -m tests.benchmarks.reload`.

PM2 7.0.4 reloads up to two workers one after another, more of them two at once (lib/API.js `_operate`);
PM2_CONCURRENT_ACTIONS would change the latter, but no variable of the login reaches the PM2 that Turnout starts.
"""

from __future__ import annotations

import os
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from tests.turnout_host.site import Requests, Site

ROOT = Path(__file__).parents[2]
WORKERS = 4
AT_ONCE = (1, 2, 4)
TIMES = 5
CLIENTS = 4


def measure(at_once: int) -> tuple[float, int, int]:
    """Median seconds of a reload, requests, and how many of them failed."""
    site, took = Site(drain=True), []
    env = site.toolchain.env
    site.toolchain.env = lambda: env() | {"PM2_CONCURRENT_ACTIONS": str(at_once)}  # type: ignore[method-assign]
    try:
        site.release("v1", extra=f"{{ instances: {WORKERS} }}")
        site.prove("v1", site.reload("v1"))
        with ExitStack() as stack:
            clients = [stack.enter_context(Requests(site)) for _ in range(CLIENTS)]
            for number in range(2, 2 + TIMES):
                site.release(f"v{number}", extra=f"{{ instances: {WORKERS} }}")
                began = time.monotonic()
                site.prove(f"v{number}", site.reload(f"v{number}"))
                took.append(time.monotonic() - began)
        return (
            statistics.median(took),
            sum(len(one.ok) + len(one.failed) for one in clients),
            sum(len(one.failed) for one in clients),
        )
    finally:
        site.close()


def main() -> None:
    """Print the table."""
    os.environ.setdefault("TURNOUT_TEST_CACHE", str(ROOT / ".cache/bench-downloads"))
    print(f"| {WORKERS} workers, at once | until all are proved | requests failed |\n| --- | --- | --- |")
    for at_once in AT_ONCE:
        seconds, asked, failed = measure(at_once)
        print(f"| {at_once} | {seconds:.2f} s | {failed} of {asked:,} |", flush=True)


if __name__ == "__main__":
    main()
