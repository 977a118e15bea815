"""What would cost seconds, or is no program of ours: the app's processes under a PM2, their answers, the clock."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.machine.mortal import Killed, Mortal, torn
from turnout_host import apps, facts, journal, lease, pointsman, proc, proof, rehearsal, switch
from turnout_host.calls import switching
from turnout_host.errors import Unhealthy
from turnout_host.layout import Layout
from turnout_host.probe import Answer
from turnout_host.processes.listing import Process

PIDS = 1 << 23
"""Above every pid that Linux gives."""
WORKERS = 2


@dataclass
class Worker:
    """A process of the app: it keeps what it read at its start, also when its folder is gone."""

    pid: int
    folder: str
    mode: str
    started: float


@dataclass
class World:
    """The machine: its clock, its boots, and the app's processes on it."""

    mortal: Mortal
    jump: float = 0.0
    passed: float = 1000.0
    boots: int = 1
    outage: bool = False
    """The database is away: no release answers well."""
    outage_after_rehearsal: bool = False
    workers: list[Worker] = field(default_factory=list)
    started: set[str] = field(default_factory=set)
    """Names of the releases that ever served."""
    crashes: list[BaseException] = field(default_factory=list)
    """What ended a pointsman that nobody had killed."""
    asked: int = 0
    pids: int = PIDS

    # the clock

    def time(self) -> float:
        """What a person may set."""
        return 1.7e9 + self.passed + self.jump

    def monotonic(self) -> float:
        """What nobody can; each look takes a moment."""
        self.passed += 0.001
        return self.passed

    def sleep(self, seconds: float) -> None:
        """Nobody waits."""
        self.passed += seconds

    # the processes

    def power_cut(self) -> None:
        """All that ran is gone."""
        self.workers, self.boots = [], self.boots + 1

    def reload(self, current: Path) -> None:
        """One worker after another becomes what `current` leads to."""
        old, self.asked, folder = self.workers, 0, current.resolve(strict=True)
        mode = (folder / "mode").read_text()
        for number in range(WORKERS):
            self.mortal.change()
            if mode == "crash":
                self.workers = old[1:]
                raise Unhealthy("the reload was stopped: it crashed", reason="it crashed", tail=["oh"])
            self.pids += 1
            new = Worker(self.pids, str(folder), mode, self.monotonic())
            self.workers = [*self.workers[:number], new, *old[number + 1 :]]
            self.started.add(folder.name)

    def answer(self) -> Answer:
        """One worker's, in turn."""
        self.asked += 1
        if not self.workers:
            return Answer(False, None, 0.0, None, "connection refused")
        worker = self.workers[self.asked % len(self.workers)]
        sick = self.outage or worker.mode == "turns" or (worker.mode == "fades" and self.asked > WORKERS)
        body = {"pid": worker.pid, "release": Path(worker.folder).name}
        return Answer(not sick, 500 if sick else 200, 0.0, body, "status 500" if sick else "")

    def of(self, pid: int) -> Worker | None:
        """The worker with this pid."""
        return next((one for one in self.workers if one.pid == pid), None)

    def rehearse(self, layout: Layout, release: str, *_: Any) -> dict[str, Any]:
        """Does it boot on a spare port?"""
        self.mortal.change()
        if self.outage or (layout.release(release) / "mode").read_text() == "sick":
            raise Unhealthy(f"{release} is sick", reason="status 500", tail=[])
        self.outage = self.outage_after_rehearsal
        return {"boot_seconds": 0.1, "seconds": 0.1, "proof": "answer", "gap_seconds": 0.0}


class StandIn:
    """The part of `processes.pm2.PM2` that the switch needs, without PM2."""

    def __init__(self, world: World, layout: Layout) -> None:
        self._world, self._current = world, layout.current
        self.workers = SimpleNamespace(ask=lambda _: None, probe=lambda *_: None)

    def daemon(self) -> int:
        return 0

    def processes(self) -> list[Process]:
        return [
            Process("app", one.pid, one.pid, "online", 0, 0, 0, 1, one.folder, "cluster_mode", "", "")
            for one in self._world.workers
        ]

    def expected(self) -> dict[str, int]:
        return {"app": WORKERS}

    def main(self) -> str:
        return "app"

    def unlisted(self) -> list[int]:
        return []

    def insides(self) -> dict[int, Any]:
        return {}

    def tail(self) -> list[str]:
        return []

    def reload(self, *_: Any) -> list[str]:
        self._world.reload(self._current)
        return []

    def delete(self) -> None:
        self._world.mortal.change()
        self._world.workers = []

    def save(self) -> None:
        self._world.mortal.change()

    def start_after_boot(self) -> list[str]:
        if len(self._world.workers) < WORKERS:
            self._world.reload(self._current)
        return []


def install(patch: pytest.MonkeyPatch, world: World, home: Path) -> None:
    """Put the world in the place of PM2, the kernel's processes and the clock; all the rest stays what it is."""
    patch.setenv("TURNOUT_BOOT", "none")
    patch.setenv("HOME", str(home))
    patch.setattr(facts, "shell_env", lambda: {"PATH": str(home / "bin"), "PM2_HOME": str(home / "pm2")})
    patch.setattr(apps, "PM2", lambda layout, *_: StandIn(world, layout))
    patch.setattr(apps, "Probe", lambda port, *_: SimpleNamespace(port=port, ask=world.answer))
    patch.setattr(rehearsal, "rehearse", world.rehearse)
    patch.setattr(os, "pwrite", torn(os.pwrite))
    clock = SimpleNamespace(**dict(vars(time), time=world.time, monotonic=world.monotonic, sleep=world.sleep))
    for module in (journal, lease, pointsman, proof, switch, switching):
        patch.setattr(module, "time", clock)
    _kernel(patch, world)
    _programs(patch, world)


def _kernel(patch: pytest.MonkeyPatch, world: World) -> None:
    """What /proc says of the app's workers; of everything else it says the truth."""
    alive, started, cwd, ancestors = proc.alive, proc.started, proc.cwd, proc.ancestors
    patch.setattr(proc, "alive", lambda pid: world.of(pid) is not None if pid > PIDS else alive(pid))
    patch.setattr(proc, "started", lambda pid: one.started if (one := world.of(pid)) else started(pid))
    patch.setattr(proc, "cwd", lambda pid: one.folder if (one := world.of(pid)) else cwd(pid))
    patch.setattr(proc, "ancestors", lambda pid: [pid] if pid > PIDS else ancestors(pid))
    patch.setattr(proc, "owners", lambda _: [one.pid for one in world.workers])
    patch.setattr(proc, "owner", lambda _: None)
    patch.setattr(proc, "pids", list)
    patch.setattr(proc, "now", world.monotonic)
    patch.setattr(proc, "boot_id", lambda: str(world.boots))


def _programs(patch: pytest.MonkeyPatch, world: World) -> None:
    """The pointsman and its worker run here, one inside the other, and die alone."""

    def status(program: Callable[[str, int, int], int], words: list[str]) -> int:
        path, descriptor, token = words[-3:]
        try:
            return program(path, int(descriptor), int(token))
        except Killed as killed:
            world.mortal.bury(killed)
            return -9
        except Exception as error:
            world.crashes.append(error)
            return 1

    def start(words: list[str], **_: Any) -> SimpleNamespace:
        ended = status(pointsman.parent, words)
        return SimpleNamespace(poll=lambda: ended, returncode=ended)

    def run(words: list[str], **_: Any) -> None:
        status(pointsman.worker, words)

    programs = SimpleNamespace(Popen=start, run=run, SubprocessError=subprocess.SubprocessError)
    patch.setattr(pointsman, "subprocess", programs)
