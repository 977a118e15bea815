"""A trial: a deployment in which something dies, then the same command again; and what must hold afterwards."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.cells import SEED
from tests.faults.rig import Before, Rig, check_invariants
from tests.support.client import Run
from turnout.cli.demo.traffic import TrafficThread

PATHS = ("/", "/videos")
"""What clients ask for; a sick release answers these, too."""
RESULTS = os.environ.get("TURNOUT_FAULTS_RESULTS")
"""A file to which each trial adds a line, for docs/faults.md."""
WELL, SICK = 0, 50
TRUTH = {WELL: "new", SICK: "old"}
"""What serves after these exit codes."""
UNTOLD = ["the trial broke off"]


class Rigs:
    """One rig after another: the next trial is not to suffer from what the last one did."""

    def __init__(self) -> None:
        self._rig: Rig | None = None

    def one(self) -> Rig:
        """A rig on which all is well."""
        self._rig = self._rig or Rig()
        return self._rig

    def spoil(self) -> None:
        """It is not to be used any more."""
        if self._rig:
            self._rig.close()
        self._rig = None

    @contextlib.contextmanager
    def report(self, kind: str, **said: Any) -> Iterator[dict[str, Any]]:
        """A line for the table, which the trial fills in; with any problem the rig has had its time."""
        line = {"kind": kind, "seed": SEED, **said, "problems": UNTOLD}
        try:
            yield line
        finally:
            if line["problems"]:
                self.spoil()
            if RESULTS:
                with Path(RESULTS).open("a") as file:
                    file.write(json.dumps(line) + "\n")


@dataclass
class Trial:
    """How it went: all runs in their order, and what served after the fault, `old` or `new`."""

    runs: list[Run]
    serves: str
    problems: list[str] = field(default_factory=list)

    @property
    def told(self) -> dict[str, Any]:
        """For the table."""
        return {"exit_code": self.runs[0].code, "serves": self.serves, "problems": self.problems}


def attempt(
    rig: Rig,
    words: str,
    strike: Callable[[], list[Run]],
    *,
    change: str = "code",
    errors: bool = False,
    look: bool = False,
) -> Trial:
    """Deploy `words` with what `strike` does, then again; `look` asks for the status before.

    Only I/O `errors` may lead back from a good release; a kill or a cut may not.
    """
    old, words = str(rig.current()), f"{words} on {rig.root.name}"
    rig.commit_change(words, change)
    before = Before.of(rig)
    with TrafficThread(rig.port, PATHS, keep_alive=2, fresh=2, pause=0.02) as traffic:
        runs = strike()
        rig.lift()
        problems = looked(rig, old, words) if look else []
        serves = "old" if rig.current() == old else "new"
        if TRUTH.get(runs[-1].code, serves) != serves:
            problems.append(f"9: it ended with {runs[-1].code}, and the {serves} one serves")
        if SICK in (run.code for run in runs) and change != "sick" and not errors:
            problems.append("9: a good release was taken back")
        runs.append(rig.deploy(check=None))
        rig.settle()
        seen = traffic.stop()
    problems += check_invariants(rig, before, seen, *runs)
    problems += converged(rig, old, words, runs[-1].code, SICK if change == "sick" else WELL)
    return Trial(runs, serves, problems)


def looked(rig: Rig, old: str, words: str) -> list[str]:
    """What a person sees between the two: the status ends what was left, and tells what answers."""
    rig.settle()
    status, current, greeting = rig.status(check=None), rig.current(), rig.answer("/").body["greeting"]
    problems = []
    if (current == old) == (greeting == words):
        problems.append(f"3: {current} was current and answered {greeting!r}")
    if status["release"] != current and not status["needs_a_look"]:
        problems.append(f"3: {current} was current and the status named {status['release']}")
    return problems


def converged(rig: Rig, old: str, words: str, code: int, expected: int) -> Iterator[str]:
    """The ninth point: the same command again ends as it should, and its exit code tells the truth."""
    if code != expected:
        yield f"9: the same command again ended with {code}"
    well, greets = expected == WELL, rig.answer("/").body["greeting"] == words
    if greets != well or (rig.current() != old) != well:
        yield f"9: after it, {rig.current()} serves"
