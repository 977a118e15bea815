"""How long a reload takes: Turnout's rolling one, and PM2's own command. `python -m tests.benchmarks.reload`.

PM2 7.0.4 reloads up to two workers one after another, more of them two at once (lib/API.js `_operate`);
PM2_CONCURRENT_ACTIONS changes the latter.
"""

from __future__ import annotations

import os
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.turnout_host.site import Requests, Site

ROOT = Path(__file__).parents[2]
WORKERS = (2, 4)
WAYS = {
    "rolling: the next boots while the last old one drains": {"LEAVING": 1},
    "rolling, each old one is waited for": {"LEAVING": 0},
    "`pm2 startOrReload`, one after another": {"at_once": 1},
    "`pm2 startOrReload`, two at once": {"at_once": 2},
    "`pm2 startOrReload`, four at once": {"at_once": 4},
}
TIMES = 5
CLIENTS = 4


def measure(workers: int, way: dict[str, int]) -> tuple[float, int, int]:
    """Median seconds of a reload, requests, and how many of them failed."""
    site, took = Site(drain=True), []
    env = site.toolchain.env
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        stack.callback(site.close)
        if "at_once" in way:
            at_once = {"PM2_CONCURRENT_ACTIONS": str(way["at_once"])}
            patch.setattr(site.toolchain, "env", lambda **more: env(**more) | at_once)
            patch.setattr(type(site.toolchain), "pm2_library", "")
        else:
            patch.setattr("turnout_host.processes.rolling.LEAVING", way["LEAVING"])
        site.release("v1", extra=f"{{ instances: {workers} }}")
        site.prove("v1", site.reload("v1"))
        clients = [stack.enter_context(Requests(site)) for _ in range(CLIENTS)]
        for number in range(2, 2 + TIMES):
            site.release(f"v{number}", extra=f"{{ instances: {workers} }}")
            began = time.monotonic()
            site.prove(f"v{number}", site.reload(f"v{number}"))
            took.append(time.monotonic() - began)
    return (
        statistics.median(took),
        sum(len(one.ok) + len(one.failed) for one in clients),
        sum(len(one.failed) for one in clients),
    )


def main() -> None:
    """Print the table."""
    os.environ.setdefault("TURNOUT_TEST_CACHE", str(ROOT / ".cache/bench-downloads"))
    print("| workers | reload | until all are proved | requests failed |\n| --- | --- | --- | --- |")
    for workers in WORKERS:
        for title, way in WAYS.items():
            if way.get("at_once", 0) <= workers:
                seconds, asked, failed = measure(workers, way)
                print(f"| {workers} | {title} | {seconds:.2f} s | {failed} of {asked:,} |", flush=True)


if __name__ == "__main__":
    main()
