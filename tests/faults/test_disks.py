"""A disk that becomes read-only under a deployment, and one on which older releases must make room. Needs root."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

import pytest

from tests.faults.cells import some
from tests.faults.rig import Before, Rig, check_invariants
from tests.faults.test_deaths import deploying, met
from tests.support.client import Run
from tests.support.disk import leave, on_its_own, read_only
from tests.support.left import nothing_left
from turnout.cli.demo.traffic import TrafficThread

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
LARGE = 24 << 20
"""Bytes that some releases have of their own."""
SPARE = 64
"""Megabytes that the survey wants to be left (survey.space)."""
BEFORE = ["", "host:upload:enter", "host:stage:enter"]
"""Where a deployment is stopped while its disk becomes read-only, before the switch ("": before it begins): 23."""
SWITCH = ["pointsman:activate:enter", "pointsman:verify:enter"]
"""In the switch: 52, since the host can write nothing of how it ends."""
PLACES = [*((place, 23) for place in some(BEFORE, 1)), *((place, 52) for place in some(SWITCH, 1))]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """A VPS whose path is a disk of its own; v1 of the sample serves there, a large one."""
    made = Rig()
    with on_its_own(made):
        large(made)
        made.deploy()
        (made.repo / "backend/prisma/large.bin").unlink()
        yield made


@pytest.mark.parametrize("place, code", PLACES)
def test_a_disk_that_becomes_read_only_costs_no_request(rig: Rig, place: str, code: int) -> None:
    """The exit code tells the truth, and once the disk can be written again the same command ends well."""
    old, words = rig.current(), f"Read-only at {place or 'the start'}"
    rig.greet(words)
    before = Before.of(rig)
    with TrafficThread(rig.port, ("/health", "/"), keep_alive=4, fresh=4) as traffic:
        first = on_a_read_only_disk(rig, place)
        if "verify" not in place:
            assert rig.serving() == {old}
        again = rig.turnout("deploy", "--json")
        rig.settle()
        seen = traffic.stop()

    assert first.code == code, first
    assert again.code == 0, (first, again)
    assert check_invariants(rig, before, seen, first, again) == []
    assert rig.answer("/").body["greeting"] == words


def on_a_read_only_disk(rig: Rig, place: str) -> Run:
    """A deployment whose disk becomes read-only at this place, and stays so until it has ended."""
    with contextlib.ExitStack() as disk:
        if not place:
            disk.enter_context(read_only(rig))
            return rig.turnout("deploy", "--json")
        rig.lay(place, "stop")
        with deploying(rig) as process:
            met(rig, process)
            disk.enter_context(read_only(rig))
            rig.wake()
            out, err = process.communicate()
            return Run(("deploy", "--json"), process.returncode, out, err)


def test_releases_that_keep_no_longer_needs_make_room(rig: Rig) -> None:
    """They go before anything is refused, and that is said; where it is not enough, see test_bad_space."""
    rig.write_toml(more="[release]\nkeep = 2")
    for _ in range(3):
        large(rig)
        rig.deploy()
    rig.write_toml(more="[release]\nkeep = 1")
    large(rig)
    leave(rig, megabytes=SPARE + (LARGE >> 20) // 2)

    run = rig.deploy()

    assert run.finished["result"] == "succeeded"
    (said,) = [note for note in run.finished["notes"] if "the disk is short" in note]
    assert re.search(r"2[5-9]\.\d MB were freed; v\d+ went", said), said
    nothing_left(rig, run)


def large(rig: Rig) -> None:
    """The next release takes room of its own; what is in `prisma/` belongs to it."""
    (rig.repo / "backend/prisma/large.bin").write_bytes(os.urandom(LARGE))
    rig.commit({}, "Large")
