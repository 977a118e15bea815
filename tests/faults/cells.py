"""The matrix: every place at which a program may die or fail in a deployment, made from the plan and the calls."""

from __future__ import annotations

import os
import random
from typing import NamedTuple

from turnout.deploy import DEPLOY
from turnout_host.calls import CALLS

PARTS = ("activate", "verify", "save", "revert")
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
HOST = (
    "deployment.started",
    "release.staged",
    "release.prepared",
    "release.rehearsed",
    "migration.finished",
    "activation.asked",
    "deployment.finished",
)
"""What the host program writes in a deployment of a code change."""
ACTS = ("kill", "fail", "cut")
CALLED = (
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
    "watch",
    "prune",
    "finish",
)
"""The calls that a deployment of a code change comes to; `all` tries every call there is."""
SEED = int(os.environ.get("TURNOUT_FAULT_SEED") or 20261125)
COUNT = os.environ.get("TURNOUT_FAULTS_RUN", "8")
"""How many cells are run: a number, drawn with SEED, or `all`."""


class Cell(NamedTuple):
    """One fault at one place."""

    role: str
    work: str
    place: str
    act: str

    @property
    def point(self) -> str:
        """As the failpoints say it."""
        return f"{self.role}:{self.work}:{self.place}"

    def __str__(self) -> str:
        return f"{self.point}-{self.act}"


def matrix() -> list[Cell]:
    """All cells, in the order of the plan."""
    calls = CALLS if COUNT == "all" else CALLED
    places = [
        *(("deployer", name, place) for name in DEPLOY.names for place in ("enter", "middle", "exit")),
        *(("host", name, place) for name in calls for place in ("enter", "middle", "exit")),
        *(("host", kind, place) for kind in HOST for place in ("before", "after")),
        *(("pointsman", part, place) for part in PARTS for place in ("enter", "middle")),
        *(("pointsman", kind, place) for kind in SWITCH for place in ("before", "after")),
    ]
    return [Cell(*place, act) for place in places for act in ACTS]


def chosen() -> list[Cell]:
    """The cells of this run."""
    cells = matrix()
    if COUNT == "all":
        return cells
    drawn = random.Random(SEED).sample(cells, min(int(COUNT), len(cells)))
    return [cell for cell in cells if cell in drawn]


def some(places: list[str], count: int) -> list[str]:
    """All of them where all is run, else `count`, drawn with SEED."""
    if COUNT == "all":
        return places
    drawn = random.Random(SEED).sample(places, count)
    return [place for place in places if place in drawn]
