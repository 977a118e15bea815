"""The host program, killed or failed at its N-th file call: the next contact mends it, and the same again ends well."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.cells import COUNT, SEED
from tests.faults.file_calls import FAULTS, PROGRAMS, Cell, Ran, chosen, ended, hurt, run
from tests.faults.small_host import SmallHost
from tests.faults.tracing import unusable
from tests.faults.works import WORKS, Work

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600 if COUNT == "all" else 240)]
RESULTS = os.environ.get("TURNOUT_FAULTS_RESULTS")


@pytest.fixture(autouse=True, scope="module")
def _traceable() -> None:
    if reason := unusable():
        pytest.skip(reason)


class Hosts:
    """Two at most, one of them with PM2; a new one takes the place of one on which something did not hold."""

    def __init__(self) -> None:
        self._there: dict[bool, SmallHost] = {}

    async def ready(self, work: Work) -> SmallHost:
        """One on which something is already."""
        runs = bool(work.at)
        if runs not in self._there:
            self._there[runs] = SmallHost()
            await run(self._there[runs], WORKS["activate" if runs else "prune"])
        return self._there[runs]

    def drop(self, *them: SmallHost) -> None:
        """Close these, or all."""
        for runs, there in list(self._there.items()):
            if not them or there in them:
                del self._there[runs]
                there.close()


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    made = Hosts()
    try:
        yield made
    finally:
        made.drop()


PARTS = [(work, fault) for work in WORKS for fault in (FAULTS if COUNT == "all" else [""])]


@pytest.mark.parametrize("name, fault", PARTS)
async def test_whatever_file_call_is_the_last(hosts: Hosts, name: str, fault: str) -> None:
    """Each fault at each call: what was told is true, nothing is left half done, and the same again ends well."""
    work, red = WORKS[name], []
    there = await hosts.ready(work)
    await run(there, work)  # else, behind other works, a longer prune is watched than any that is hurt
    watched = await run(there, work, PROGRAMS)
    assert (watched.said, ended(there)) == (work.well, [])
    for cell in chosen(work, watched.calls, fault):
        there = await hosts.ready(work)
        ran, problems = await hurt(there, work, cell)
        report(cell, ran, problems)
        if problems:
            red.append((cell.fault, cell.n, cell.call.text, ran.said, problems))
            hosts.drop(there)
    assert not red, (SEED, red)


def report(cell: Cell, ran: Ran, problems: list[str]) -> None:
    """One line for the table."""
    if RESULTS:
        line = {
            "kind": "file call",
            "work": cell.part,
            "fault": cell.fault,
            "n": cell.n,
            "of": cell.of,
            "call": cell.call.text,
            "met": ran.met is not None,
            "said": ran.said,
            "problems": problems,
        }
        with Path(RESULTS).open("a") as file:
            file.write(json.dumps(line) + "\n")
