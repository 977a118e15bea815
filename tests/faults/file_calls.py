"""Every file call of the host program as a place: killed there, or told that the disk is full, broken or read-only.

A first run is only watched: its calls are the places, N = 1, 2, 3 … until none is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from tests.faults.cells import SEED
from tests.faults.small_host import SmallHost
from tests.faults.tracing import Call, Trace, go_on, stopped, worker
from tests.faults.works import Work
from turnout.errors import TurnoutError

TAKES_ROOM = (
    "open",
    "creat",
    "write",
    "pwrite",
    "mkdir",
    "link",
    "symlink",
    "rename",
    "fallocate",
    "copy_file_range",
    "sendfile",
)
CHANGES = (
    "open",
    "creat",
    "mkdir",
    "rmdir",
    "link",
    "symlink",
    "unlink",
    "rename",
    "chmod",
    "fchmod",
    "utimensat",
)
FAULTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kill": ("signal=KILL", ("",)),
    "ENOSPC": ("error=ENOSPC", TAKES_ROOM),
    "EIO": ("error=EIO", ("fsync", "fdatasync", "syncfs")),
    "EROFS": ("error=EROFS", CHANGES),
}
"""What is injected, and at calls whose names begin so."""
PROGRAMS = ("host", "pointsman")
PROVED = "activation.proved"
"""After this entry of the journal the release is blessed."""
FAILED = "failed: "
EXCUSED = "/.local/"
"""Links for people are a convenience: nothing is promised of them."""


class Cell(NamedTuple):
    """One fault at one call of one of the two programs: the n-th of `of` in this part of a work."""

    part: str
    program: str
    fault: str
    call: Call
    n: int
    of: int


class Ran(NamedTuple):
    """Where the fault was met, what the deployer was told, and the calls of each program that was watched."""

    met: Call | None
    said: str
    calls: dict[str, list[Call]]


def cells(work: Work, calls: dict[str, list[Call]], fault: str) -> list[Cell]:
    """The fault at every call that it can befall."""
    places: dict[str, list[tuple[str, Call]]] = {}
    for program, made in calls.items():
        part = work.name
        for call in made:
            if call.changes and call.name.startswith(FAULTS[fault][1]):
                places.setdefault(part, []).append((program, call))
            if PROVED in call.text:
                part = work.then or part
    return [
        Cell(part, program, fault, call, n, len(found))
        for part, found in places.items()
        for n, (program, call) in enumerate(found, start=1)
    ]


def chosen(work: Work, calls: dict[str, list[Call]], fault: str) -> list[Cell]:
    """All of a fault; or, where no fault is named, a few of all of them, drawn with SEED."""
    if fault:
        return cells(work, calls, fault)
    every = [cell for name in FAULTS for cell in cells(work, calls, name)]
    return random.Random(f"{SEED}{work.name}").sample(every, work.few)


async def run(there: SmallHost, work: Work, watched: Sequence[str] = (), cell: Cell | None = None) -> Ran:
    """Do the work once; `watched` programs are traced, and the fault of `cell` befalls one of them."""
    traces: dict[str, Trace] = {}

    def trace(program: str, thread: int) -> None:
        fault = FAULTS[cell.fault][0] if cell else ""
        log = there.root / f"{program}.strace"
        traces[program] = ends.enter_context(Trace(thread, log, fault, cell and cell.call))

    with contextlib.ExitStack() as ends:  # a trace ends with its program
        async with there.connected() as client:
            await work.prepare(there, client)
            if "host" in watched and work.own:
                trace("host", worker(client.hello["pid"]))
            if "pointsman" in watched and work.at:
                there.lay(work.at, "stop")
            acting = asyncio.create_task(work.act(there, client))
            while work.at and "pointsman" in watched and "pointsman" not in traces and not acting.done():
                for pid in filter(stopped, there.workers()):
                    trace("pointsman", pid)
                    go_on(pid)
                await asyncio.sleep(0.01)
            said = await _ended(acting)
        there.fault.unlink(missing_ok=True)
    met = next((one.met for one in traces.values() if one.met), None)
    return Ran(met, said, {program: one.calls for program, one in traces.items()})


async def _ended(acting: asyncio.Task[str]) -> str:
    try:
        return await acting
    except TurnoutError as error:
        return f"{FAILED}{error}"


async def hurt(there: SmallHost, work: Work, cell: Cell) -> tuple[Ran, list[str]]:
    """The fault, then the same work again, over a new link; what does not hold at its contact or at its end."""
    ran = await run(there, work, [cell.program], cell)
    told = _told(there, work, cell, ran)
    again = await run(there, work)
    if again.said != work.well:
        told.append(f"9: the same again: {again.said}")
    return ran, [*told, *ended(there)]


def ended(there: SmallHost) -> list[str]:
    """What did not hold at the contacts so far, and what does not hold now that all have gone."""
    there.free()
    found, there.found = there.found, []
    return [*found, *(f"at the end: {one}" for one in there.problems())]


def _told(there: SmallHost, work: Work, cell: Cell, ran: Ran) -> list[str]:
    """Is what the deployer was told the truth?"""
    if ran.met is None:
        return []
    if cell.fault == "kill" and cell.program == "host" and not ran.said.startswith(FAILED):
        return [f"9: killed, and yet: {ran.said}"]
    if ran.said == "revert_failed":
        return ["9: one error, and nothing more was tried"]
    if (
        cell.fault == "EIO"
        and ran.said == work.well
        and not _known(there, ran.met, ran.calls.get("pointsman", []))
    ):
        return [f"5: {ran.said} after a failed fsync"]
    return []


def _known(there: SmallHost, met: Call, calls: list[Call]) -> bool:
    """May success follow this failed fsync? Where the pointsman (`calls`) wrote it anew, or told it as a problem."""
    told = [entry["problems"] for entry in there.entries() if entry["type"] == "activation.saved"]
    later = calls[calls.index(met) + 1 :] if met in calls else []  # a journal's line also by the next program
    anew = any(_file(call) == _file(met) and call.text.endswith("= 0") for call in later)
    return anew or EXCUSED in met.text or str(there.layout.journal) in met.text or bool(told and told[-1])


def _file(call: Call) -> str:
    """The call and its file, without what makes a temporary name unique."""
    return re.sub(r"-\w{8}(?=[/>])|\d+(?=<)", "", call.text.partition(")")[0])
