"""Deployments, rollbacks, deaths, hands and clocks in any order, on the real host program: all points of DESIGN 9 hold.

Hypothesis draws the order and shrinks what it finds. Programs run in this process and die there (machine/mortal.py);
PM2 and the app have a stand-in (machine/standin.py); layout, journal, lease, store, pointsman and recovery are real.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.faults.cells import SEED
from tests.faults.machine import holds
from tests.faults.machine.deploying import Deployers
from tests.faults.machine.hands import Hands
from turnout_host import survey

ALL = os.environ.get("TURNOUT_FAULTS_RUN") == "all"
EXAMPLES, STEPS = (400, 50) if ALL else (50, 30)
RESULTS = os.environ.get("TURNOUT_FAULTS_RESULTS")
"""A file to which the run adds a line, for docs/faults.md."""


class Host(Deployers, Hands):
    """One host, its deployers, its hands."""

    steps = 0

    @invariant()
    def holds(self) -> None:
        """At any moment; and once somebody was in contact, more."""
        Host.steps += 1
        problems = list(holds.always(self.layout, self.world, self.touched, self.gone))
        assert not self.world.crashes, self.world.crashes
        if self.settled:
            status = self._status()
            problems += holds.settled(self.layout, self.world, status)
            if missing := self.pins - set(holds.Ledger(self.layout).pinned()):
                problems.append(f"5: {missing} were shown as pinned")
            if self.clean and not self.dark and status["needs_a_look"]:
                problems.append(f"3: nothing happened, and the status says {status['needs_a_look']}")
            running = survey.running(self.layout)
            if running in self.touched and not status["drift"]:
                problems.append(f"2: a hand changed {running}, and nobody says so")
        if self.layout.dotenv.read_bytes() not in self.dotenvs:
            problems.append(f"6: shared/.env is {self.layout.dotenv.read_text()!r}")
        assert not problems, problems


@pytest.mark.timeout(7200 if ALL else 900)
def test_any_order_of_deployments_deaths_and_hands_ends_well() -> None:
    """The host is whole after every step; a failure prints the steps that lead to it."""
    Host.steps = 0
    how = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        print_blob=True,
        phases=[Phase.generate, Phase.shrink],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    problems: list[str] = []
    try:
        run_state_machine_as_test(seed(SEED)(Host), settings=how)
    except BaseException as error:
        problems.append(repr(error)[:300])
        raise
    finally:
        report(problems)


def report(problems: list[str]) -> None:
    """One line for the table."""
    if RESULTS:
        line = {
            "kind": "state machine",
            "examples": EXAMPLES,
            "steps": Host.steps,
            "seed": SEED,
            "problems": problems,
        }
        with Path(RESULTS).open("a") as file:
            file.write(json.dumps(line) + "\n")
