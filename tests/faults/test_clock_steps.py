"""The wall clock is set by an hour while a release bakes, the host's one way and the deployer's the other.

The programs are real, and so is their deployment; libfaketime tells them the time. PM2 and the app keep the machine's
clock: they run in an environment of their own.
"""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.rig import TOML, Before, Rig, check_invariants
from tests.support.client import Run
from tests.support.left import nothing_left
from turnout.cli.demo.traffic import TrafficThread
from turnout_host import proc

LIBRARY = next((str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), "")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(600),  # on a slow machine each look at the clock adds up: it is read from a file
    pytest.mark.skipif(not LIBRARY, reason="no libfaketime here: apt-get install faketime"),
]
HOUR = 3600
NEGATIVE = re.compile(r"(?<![\w-])-\d")
"""A negative number in a text; no date, no range, no option."""
SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
"""Since Python 3.11 time.sleep() is clock_nanosleep(), which libfaketime 0.9.10 breaks (its issue 426)."""


class Clocked(Rig):
    """A site whose two sides have wall clocks that can be set; the clocks that cannot be set go on."""

    def __init__(self) -> None:
        super().__init__()
        self.set(host=0, deployer=0)

    def _lay_out(self) -> None:
        super()._lay_out()
        folder = self.root / "python"
        subprocess.run(
            [(self.tools / "python3").resolve(), "-m", "venv", "--without-pip", folder], check=True
        )
        (packages,) = folder.glob("lib/*/site-packages")
        (packages / "sleep_by_select.py").write_text(SLEEP)
        (packages / "sleep_by_select.pth").write_text("import sleep_by_select\n")
        self.program("python3", f'#!/bin/sh\nexec {folder}/bin/python3 "$@"\n')

    def _vps_env(self) -> dict[str, str]:
        return super()._vps_env() | self._clock("host")

    def _deployer_env(self) -> dict[str, str]:
        return super()._deployer_env() | self._clock("deployer")

    def _clock(self, side: str) -> dict[str, str]:
        return {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(self.root / side),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",  # what is written keeps its time, as after a real step
            "FAKETIME_SKIP_CMDS": "node,git",  # a build that reads the file for each look at the clock takes minutes
        }

    def set(self, **seconds: int) -> None:
        """Set the clock of each side to so many seconds from the right time, in one step."""
        for side, offset in seconds.items():
            new = self.root / f"{side}.new"
            new.write_text(f"{offset:+d}\n")
            new.rename(self.root / side)


@pytest.fixture(scope="module")
def clocked() -> Iterator[Clocked]:
    """v2 of the sample serves, under clocks that go right."""
    made = Clocked()
    try:
        made.write_toml(bake="4s", more=TOML)
        yield made
    finally:
        made.close()
        _sweep()


def _sweep() -> None:
    """The library leaves a semaphore and a page of memory for each process; those of dead ones are taken away."""
    for path in Path("/dev/shm").glob("*faketime_s*_*"):
        pid = path.name.rpartition("_")[2]
        if pid.isdigit() and not proc.alive(int(pid)):
            path.unlink(missing_ok=True)


def stepped(site: Clocked, **offsets: int) -> Run:
    """A deployment in whose bake the clocks are set."""
    lines = []
    with site.start("deploy", "--json") as process:
        try:
            assert process.stdout
            assert process.stderr
            for line in process.stdout:
                lines.append(line)
                if '"baking for ' in line:
                    site.set(**offsets)
            return Run(("deploy",), process.wait(), "".join(lines), process.stderr.read())
        finally:
            process.kill()


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forwards", "back"])
def test_a_clock_that_is_set_in_a_bake_changes_nothing(clocked: Clocked, step: int) -> None:
    """The deployment ends well, the journal is in order, no time that is told is absurd, and the next one works."""
    clocked.set(host=0, deployer=0)
    way = "forwards" if step > 0 else "back"
    before = Before.of(clocked)
    clocked.greet(f"Set {way}")
    with TrafficThread(clocked.port, "/", keep_alive=2, fresh=2) as users:
        run = stepped(clocked, host=step, deployer=-step)
        seen = users.stop()

    assert (run.code, run.finished["result"]) == (0, "succeeded"), run
    assert clocked.serving() == {run.finished["release"]}
    entries = clocked.journal()
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    mine = [entry["ts"] for entry in entries if entry["deployment"] == run.finished["deployment"]]
    assert any(abs(later - earlier - step) < HOUR / 2 for earlier, later in itertools.pairwise(mine))
    assert check_invariants(clocked, before, seen, run) == []
    told_well(clocked, run)

    clocked.greet(f"After it was set {way}")
    after = clocked.deploy()
    assert after.finished["result"] == "succeeded"
    assert clocked.serving() == {after.finished["release"]}
    told_well(clocked, after)
    nothing_left(clocked, run, after)


def told_well(site: Clocked, run: Run) -> None:
    """What a person and a program see of times: none negative, and none of a deployment an hour long."""
    rows: list[dict[str, Any]] = site.turnout("history", "--json", check=0).json["deployments"]
    (newest,) = (row for row in rows if row["deployment"] == run.finished["deployment"])
    for took in [
        newest["seconds"],
        *newest["steps"].values(),
        *(one.get("seconds", 0) for one in run.events),
    ]:
        assert 0 <= took < HOUR / 2
    for command in ("history", "status", "releases"):
        shown = site.turnout(command, check=0)
        assert not NEGATIVE.search(shown.out + shown.err), shown
    for process in site.status()["processes"]:
        assert process["uptime"] >= 0
