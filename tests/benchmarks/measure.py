"""One command, measured from outside: it is asked nothing, and nothing is asserted of it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.benchmarks.census import Census
from tests.benchmarks.link import LinkProcess
from tests.benchmarks.watch import Watch, cpu
from turnout.cli.demo.traffic import Sighting, TrafficThread

CLIENTS: dict[str, Any] = {"keep_alive": 2, "fresh": 2, "pause": 0.01}
"""Few, so that they leave the two cores to what is measured."""
PATIENCE = 10.0
"""Seconds after the end in which the new release must have answered, and the old one must have become silent."""
SILENCE = 0.5


@dataclass(frozen=True)
class Command:
    """What a person would type, where, and in which surroundings."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """Where a command leads: the app's port, the server's sshd, and the links that are used."""

    port: int
    sshd: int
    links: tuple[LinkProcess, ...]

    def sent(self) -> dict[str, int]:
        """What went over the links so far."""
        each = [link.figures() for link in self.links]
        return {name: sum(one[name] for one in each) for name in ("up", "down", "turns")}


@dataclass
class Measured:
    """Times in seconds from the start, sizes in bytes; None is what could not be seen.

    `own` is the command's own process, `all` with those that it started on this side; `there` is the server's side,
    for processor and memory the host program alone. `memory_all` is the largest single process.
    """

    wall: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)
    first_new: float | None = None
    last_old: float | None = None
    up: int = 0
    down: int = 0
    turns: int = 0
    processes_here: int | None = None
    processes_there: int | None = None
    cpu_own: float = 0.0
    cpu_all: float = 0.0
    cpu_there: float = 0.0
    memory_own: int = 0
    memory_all: int = 0
    memory_there: int = 0
    requests: int = 0
    failed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)


def measured(command: Command, place: Place, census: Census, *, new: bool, served: bool) -> Measured:
    """Run it to its end while clients ask. `new`: another release is to answer; `served`: one answers already.

    Raises RuntimeError with its last words when it fails.
    """
    found, sent, there = Measured(), place.sent(), len(census.family([place.sshd]))
    with TrafficThread(place.port, "/health", **CLIENTS) as users:
        sightings = users.traffic.sightings
        until(lambda: bool(sightings) or not served)
        old, mark, began = set(sightings), users.mark(), time.monotonic()
        with Watch(lambda: census.family([place.sshd]), b"turnout_host") as watch:
            pid = _run(command, found)
        if new:
            until(lambda: settled(sightings, old, time.monotonic()))
        seen = users.since(mark)
    _answered(found, sightings, old, began)
    if served:
        found.requests, found.failed, found.reasons = seen.requests, seen.failed, dict(seen.reasons)
    if census.counts:
        found.processes_here = 1 + len(census.family([pid]))
        found.processes_there = len(census.family([place.sshd])) - there
    found.cpu_there, found.memory_there = watch.cpu, watch.memory
    for name, count in place.sent().items():
        setattr(found, name, count - sent[name])
    return found


def _run(command: Command, found: Measured) -> int:
    """Its pid, when it has ended; the figures that its end gives are in `found`."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env=dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout
        with process.stdout as out, Watch(lambda: [process.pid], b"") as watch:
            stamped = [(time.monotonic() - began, line) for line in out]
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        found.wall = time.monotonic() - began
        own, children = cpu(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(_last_words(command, stamped, errors))
    found.cpu_own, found.cpu_all = own, own + children
    found.memory_own, found.memory_all = watch.memory, max(watch.memory, usage.ru_maxrss << 10)
    found.steps = steps(stamped, found.wall)
    return process.pid


def _last_words(command: Command, stamped: Iterable[tuple[float, str]], errors: IO[str]) -> str:
    errors.seek(0)
    said = "".join(line for _, line in stamped)
    return f"{command.argv}:\n{said[-3000:]}\n{errors.read()[-3000:]}"


def steps(stamped: Iterable[tuple[float, str]], wall: float) -> dict[str, float]:
    """Seconds of each step: of `--json` as told (the slowest host's), of a script from one `step NAME` to the next."""
    found: dict[str, float] = {}
    name, since = "", 0.0
    for moment, line in stamped:
        if line.startswith('{"v": '):  # not the answer of the app, which curl shows
            event = json.loads(line)
            if event["type"] == "step.finished":
                found[event["step"]] = max(event["seconds"], found.get(event["step"], 0.0))
        elif line.startswith("step "):
            if name:
                found[name] = moment - since
            name, since = line.split()[1], moment
    if name:
        found[name] = wall - since
    return found


def settled(sightings: Mapping[str, Sighting], old: set[str], now: float) -> bool:
    """Whether another release answers, and those before have been silent for a while."""
    last = [sightings[name].last for name in old]
    return len(sightings) > len(old) and all(now - moment > SILENCE for moment in last)


def _answered(found: Measured, sightings: Mapping[str, Sighting], old: set[str], began: float) -> None:
    first = [one.first for name, one in sightings.items() if name not in old]
    if first:
        found.first_new = min(first) - began
        found.last_old = max((sightings[name].last - began for name in old), default=None)


def until(true: Callable[[], bool]) -> None:
    """Wait for it, for a while; what did not come about shows in the figures."""
    deadline = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
