"""The matrix: every place at which a program may die or fail in a deployment, made from the plan and the calls.

A new step is in it by being in the plan. A new call, entry or part is told by test_points.py, which compares all places
with those that a real deployment comes to.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from turnout.deploy import DEPLOY

ALONE = ("checkout", "toolchain", "package", "backup", "migrate", "verify", "save", "notify")
"""Steps that ask no host and start no command of the user's, with the rig's turnout.toml: they have no middle.

`verify` and `save` read on what `activate` has asked for.
"""
CALLS = (
    "acquire",
    "facts",
    "state",
    "survey",
    "lacks",
    "upload",
    "stage",
    "dotenv",
    "install",
    "rehearse",
    "activate",
    "prune",
    "finish",
)
"""What the deployer asks for in a deployment of a code change."""
TERSE = ("acquire", "state", "activate", "finish")
"""Calls that do nothing durable but their entries in the journal: they have no middle."""
HOST = (
    "deployment.started",
    "release.staging",
    "release.staged",
    "release.prepared",
    "release.rehearsed",
    "migration.finished",
    "activation.asked",
    "release.pruned",
    "deployment.finished",
)
"""What the host program writes in a deployment of a code change."""
PARTS = ("activate", "verify", "save")
"""Parts of the switch, as the pointsman names them to its failpoints."""
SWITCH = (
    "activation.switched",
    "activation.reloaded",
    "activation.proved",
    "release.blessed",
    "activation.saved",
    "activation.ended",
)
"""What the pointsman writes in a good switch."""
BACK = ("activation.reverting", "activation.reverted")
"""What it writes when the new release turns out to be sick."""
ASKED = ("since", "database")
"""What the deployer also asks for when there is a migration to apply."""
MIGRATION = ("migration.started", "migration.finished")
"""What the host program writes then."""
ACTS = ("kill", "fail", "cut")
SEED = int(os.environ.get("TURNOUT_FAULT_SEED") or 20261125)
COUNT = os.environ.get("TURNOUT_FAULTS_RUN", "")
"""How many are run of each kind: a number, drawn with SEED, or `all`; else what `make test` has time for."""
Some = TypeVar("Some")


class Cell(NamedTuple):
    """One fault at one place, in the deployment of a change of this kind: `code`, `migration`, or `sick`."""

    role: str
    work: str
    place: str
    act: str = ""
    change: str = "code"

    @property
    def point(self) -> str:
        """As the failpoints say it."""
        return f"{self.role}:{self.work}:{self.place}"

    def __str__(self) -> str:
        return (
            f"{self.point}-{self.act}" if self.change == "code" else f"{self.point}-{self.act}-{self.change}"
        )


def places() -> list[Cell]:
    """All places, in the order of the plan; each without its act."""
    around, inside = ("enter", "exit"), ("enter", "middle", "exit")
    return [
        *(
            Cell("deployer", name, at)
            for name in DEPLOY.names
            for at in (around if name in ALONE else inside)
        ),
        *(Cell("host", name, at) for name in CALLS for at in (around if name in TERSE else inside)),
        *(Cell("host", kind, at) for kind in HOST for at in ("before", "after")),
        *(Cell("parent", "worker", at) for at in around),
        *(Cell("pointsman", part, at) for part in PARTS for at in inside),
        *(Cell("pointsman", kind, at) for kind in SWITCH for at in ("before", "after")),
        Cell("host", "finish", "middle", change="sick"),  # what was staged goes
        *(Cell("pointsman", "revert", at, change="sick") for at in inside),
        *(Cell("pointsman", kind, at, change="sick") for kind in BACK for at in ("before", "after")),
        *(Cell(role, "migrate", at, change="migration") for role in ("deployer", "host") for at in inside),
        *(Cell("host", name, at, change="migration") for name in ASKED for at in around),
        *(Cell("host", kind, at, change="migration") for kind in MIGRATION for at in ("before", "after")),
    ]


def matrix() -> list[Cell]:
    """All cells, in the order of the plan."""
    return [place._replace(act=act) for place in places() for act in ACTS]


def mixed() -> list[Cell]:
    """All cells, shuffled with SEED so that the first few are of every kind."""
    turns = Counter[tuple[str, str]]()

    def turn(cell: Cell) -> int:
        turns[cell.role, cell.change] += 1
        return turns[cell.role, cell.change]

    return sorted(shuffled(matrix()), key=turn)


def shuffled(all_of_them: Sequence[Some]) -> list[Some]:
    """In an order that SEED alone gives."""
    return random.Random(SEED).sample(all_of_them, len(all_of_them))


def count(few: int, everything: int) -> int:
    """How many are run of a kind that has so many."""
    return everything if COUNT == "all" else min(int(COUNT or few), everything)


def some(all_of_them: Sequence[Some], few: int) -> list[Some]:
    """All where all is run, else `few` (or COUNT), drawn with SEED; more of them are the same ones and others."""
    return shuffled(all_of_them)[: count(few, len(all_of_them))]
