"""How it grows: with files, with bytes, with hosts. Turnout alone, over loopback without a link in between."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.census import Census
from tests.benchmarks.measure import measured
from tests.benchmarks.plain import Fleet
from tests.benchmarks.results import Results

FILES = (1, 10, 100, 1_000, 10_000, 100_000)
"""Each of 1 kB."""
SIZES = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 2_000_000_000)
"""Bytes, in ten files that no compression makes smaller."""
HOSTS = (1, 2, 5, 10, 20)


def run(results: Results, again: bool, only: str | None = None) -> None:
    """Measure what `results` lacks."""
    for what, amount, files, size, hosts in _amounts():
        known = results.growth.setdefault(what, {})
        if (only and what != only) or (str(amount) in known and not again):
            continue
        known[str(amount)] = _grown(files, size, hosts)
        results.save()
        took = ", ".join(f"{name} {one['wall']:.2f} s" for name, one in known[str(amount)].items())
        print(f"growth: {amount:,} {what}: {took}", flush=True)


def _amounts() -> Iterator[tuple[str, int, int, int, int]]:
    yield from (("files", files, files, files * 1000, 1) for files in FILES)
    yield from (("bytes", size, 10, size, 1) for size in SIZES)
    if os.geteuid() == 0:  # a second host on one machine needs a mount
        yield from (("hosts", hosts, 1, 1000, hosts) for hosts in HOSTS)


def _grown(files: int, size: int, hosts: int) -> dict[str, dict[str, Any]]:
    """The first deployment, a change of code, and one of a single dependency."""
    fleet = Fleet(hosts)
    try:
        with Census() as census:
            fleet.first.fill(files, size)
            found = {"first": measured(fleet.deploy(), fleet.place(), census, new=True, served=False)}
            fleet.first.touch("Another word")
            found["code"] = measured(fleet.deploy(), fleet.place(), census, new=True, served=True)
            fleet.first.fill(files, size, version=2)
            found["dependency"] = measured(fleet.deploy(), fleet.place(), census, new=True, served=True)
        return {name: one.to_json() for name, one in found.items()}
    finally:
        fleet.close()
