"""Somebody is killed, or the link cut, at any moment: TURNOUT_FAULT_SEED draws the same moments again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from typing import NamedTuple

import pytest

from tests.faults.cells import SEED, count
from tests.faults.rig import Rig
from tests.faults.trial import Rigs, attempt
from tests.support.client import Run
from tests.support.left import ours, role
from tests.support.proxy import ProxyThread

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
MOST = 1.1
"""Moments are drawn from 0 to so many measured deployments."""
COMMAND = ("deploy", "--json")
ACTS = ("kill", "kill", "kill", "cut")
"""A cut has one victim, a kill several."""


class Draw(NamedTuple):
    """`kill` or `cut`; when, in measured deployments; and who of those alive then, as a part of their row."""

    number: int
    act: str
    moment: float
    who: float

    def __str__(self) -> str:
        return f"seed-{SEED}-{self.number}-{self.act}-at-{self.moment:.2f}"


def draw(number: int) -> Draw:
    """The same for the same seed, however many are run."""
    source = random.Random(f"{SEED}:{number}")
    return Draw(number, source.choice(ACTS), source.uniform(0, MOST), source.random())


@pytest.fixture(scope="session")
def measured(rigs: Rigs) -> float:
    """Seconds that a deployment takes here when nothing happens to it."""
    rig, seconds = rigs.one(), []

    def unhurt() -> list[Run]:
        began = time.monotonic()
        run = rig.deploy()
        seconds.append(time.monotonic() - began)
        return [run]

    trial = attempt(rig, "Measured", unhurt)
    assert not trial.problems, trial
    return seconds[0]


@pytest.mark.parametrize("drawn", [draw(number) for number in range(count(20, 200))], ids=str)
def test_at_any_moment(rigs: Rigs, measured: float, drawn: Draw) -> None:
    """One of those who are alive then is killed, or the link is cut; the same command again ends well."""
    with rigs.report("random", number=drawn.number, act=drawn.act, moment=round(drawn.moment, 3)) as line:
        rig = rigs.one()

        def strike() -> list[Run]:
            with ProxyThread(rig.sshd.port) as proxy:
                run, line["who"] = struck(rig, proxy, drawn, drawn.moment * measured)
            return [run]

        trial = attempt(rig, f"Random {drawn}", strike)
        line.update(trial.told)
        assert not trial.problems, (f"TURNOUT_FAULT_SEED={SEED}", drawn, line["who"], trial)


def struck(rig: Rig, proxy: ProxyThread, drawn: Draw, seconds: float) -> tuple[Run, str]:
    """A deployment that is hit after so many seconds, and who was."""
    env = rig.over(proxy.port) if drawn.act == "cut" else {}
    with rig.start(*COMMAND, **env) as deployer:
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                out, err = deployer.communicate(timeout=seconds)
                return Run(COMMAND, deployer.returncode, out, err), "nobody"
            hit = cut(proxy) if drawn.act == "cut" else kill(rig, deployer.pid, drawn.who)
            out, err = deployer.communicate(timeout=120)
        finally:
            deployer.kill()  # does nothing to one that has ended
    return Run(COMMAND, deployer.returncode, out, err), hit


def cut(proxy: ProxyThread) -> str:
    """Reset the link, if there is one yet."""
    return "link" if proxy.cut() else "nobody"


def kill(rig: Rig, deployer: int, who: float) -> str:
    """Kill one of the deployer, its host programs, and the pointsman's parent and worker, as far as they live."""
    alive = [("deployer", deployer), *((role(pid), pid) for pid in ours(rig))]
    name, pid = alive[int(who * len(alive))]
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return name
