"""Proof that what serves is the new release, and the bake that follows (DESIGN 1 P3).

For each worker: PM2's pid, started after the switch, its folder the new release; and good answers in a row on new
connections. Where the body has `pid` or `release`, every worker must have answered with the new one.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from turnout_host import figures, judge, proc
from turnout_host.errors import HostError, Unhealthy
from turnout_host.figures import Figures
from turnout_host.judge import BAD, GOOD, SICK, WAIT, WELL, Judge
from turnout_host.probe import Answer, Probe
from turnout_host.processes.listing import Process, short
from turnout_host.processes.pm2 import PM2

Note = Callable[[str], None]


class Proof(NamedTuple):
    """`pids` are PM2's, `answered` those that named themselves; `by` is "process" when no body said who it is."""

    pids: List[int]
    answered: List[int]
    seconds: float
    by: str


def prove(
    pm2: PM2,
    probe: Probe,
    folder: Path,
    names: Tuple[str, str],
    since: float,
    health: Dict[str, Any],
    note: Note,
) -> Proof:
    """Watch until every worker is proved. `since`: `proc.now()` before the switch; `names`: v43, its RELEASE_ID.

    Raises Unhealthy with `reason` and `tail` as soon as it cannot succeed any more.
    """
    begun = time.monotonic()
    watch = Watch(pm2, probe, folder, names, since)
    state = Judge(health, begun)
    while True:
        pending = watch.look()
        kind, reason = watch.claim(probe.ask(), bool(watch.answered))
        now = time.monotonic()
        if state.feed(kind, reason, now) == SICK:
            raise watch.unhealthy("; ".join(filter(None, (pending, state.reason))))
        missing = pending or (watch.missing(int(health["retries"])) if state.state == WELL else "")
        if state.state == WELL and not missing:
            note(f"{len(watch.pids)} processes are {names[0]}")
            return Proof(sorted(watch.pids), sorted(watch.answered), round(now - begun, 3), watch.by)
        # a worker that is not there at all is an outage, and PM2 has ended: no start_period for that
        patience = (
            float(health["start_period"])
            if watch.whole
            else float(health["retries"]) * float(health["interval"])
        )
        if watch.leaving:
            patience += pm2.leaving()
        if missing and now - max(begun, watch.whole_since) >= patience:
            raise watch.unhealthy(missing)
        time.sleep(float(health["interval"]))


def bake(  # noqa: PLR0913, PLR0917 - all that a release is watched by
    pm2: PM2,
    probe: Probe,
    proof: Proof,
    folder: Path,
    names: Tuple[str, str],
    health: Dict[str, Any],
    note: Note,
    old: Optional[Figures] = None,
) -> None:
    """Watch a proved release for health["bake"] seconds; `old` are the figures of the release before.

    Raises Unhealthy on `retries` bad answers in a row, of all or of one worker, at once when a process ended, was
    restarted or replaced, and when it fares worse than the release before.
    """
    watch = Watch(pm2, probe, folder, names, 0.0)
    state = Judge(health, time.monotonic(), well=True)
    begun, turn = pm2.insides(), 0
    until = time.monotonic() + float(health["bake"])
    while time.monotonic() < until or not state.steady:
        pending = watch.look()
        changed = set(proof.pids) - watch.pids
        if pending or changed:
            raise watch.unhealthy(pending or f"process {min(changed)} was replaced")
        if state.feed(*watch.claim(probe.ask(), True), now=time.monotonic()) == SICK:
            raise watch.unhealthy(state.reason)
        if begun:
            watch.ask_one(sorted(begun)[turn % len(begun)], int(health["retries"]))
            turn += 1
            worse = figures.worse(old, begun, pm2.insides())
            if worse:
                raise watch.unhealthy(worse)
        time.sleep(float(health["interval"]))
    note(f"{names[0]} stayed well for {health['bake']:g} s")


class Watch:
    """Looks at PM2, the kernel and the answers, and remembers what changed."""

    def __init__(self, pm2: PM2, probe: Probe, folder: Path, names: Tuple[str, str], since: float) -> None:
        self._pm2, self._probe, self._names, self._since = pm2, probe, names, since
        self._folder = os.path.realpath(str(folder))
        self._restarts: Dict[int, int] = {}
        self._main: Set[int] = set()
        self._named = False
        self._heard: Set[int] = set()
        self._bad: Dict[int, int] = {}
        self.pids: Set[int] = set()
        self.answered: Set[int] = set()
        self.by = "process"
        self.whole = True
        self.whole_since = 0.0
        self.leaving = False

    def look(self) -> str:
        """What is still to be waited for, "" for nothing. Raises Unhealthy when a process ended or was restarted."""
        self.leaving, processes = False, self._wanted()
        for process in processes:
            self._alive(process)
        self.pids = {process.pid for process in processes if process.pid}
        self._main = {
            process.pid for process in processes if process.pid and process.name == self._pm2.main()
        } or self.pids
        missing = short(self._pm2.expected(), processes)
        self.whole = not missing
        if self.whole and not self.whole_since:
            self.whole_since = time.monotonic()
        waiting = [reason for reason in map(self._not_yet, processes) if reason]
        if missing or waiting:
            return missing or waiting[0]
        old = self._pm2.unlisted()
        self.leaving = bool(old)
        return f"an old process still runs: {old[0]}" if old else ""

    def claim(self, answer: Answer, strict: bool) -> Tuple[str, str]:
        """The verdict on an answer, who gave it considered. Before the first good one an old worker may still drain."""
        kind = judge.verdict(answer)
        if kind != GOOD:
            return kind, answer.reason
        wrong, pid = judge.wrong_release(answer, self._names), judge.body_pid(answer)
        if wrong is not None:
            return BAD if strict else WAIT, f"release {wrong} answers, not {self._names[0]}"
        if pid is None:
            if self.by != "answer" or not self._heard:
                self.by = "process" if (answer.body or {}).get("release") is None else "answer"
            return GOOD, ""
        worker = next((one for one in proc.ancestors(pid) if one in self.pids), None)
        if worker is None:
            return self._foreign(pid, strict)
        self._named, self.by = True, "answer"
        self.answered.add(worker)
        return GOOD, ""

    def missing(self, retries: int) -> str:
        """What an answer has not shown yet, "" for nothing. Raises Unhealthy when one worker is sick."""
        self.answered &= self.pids
        for pid in sorted(self._main - self._heard):
            reason = self.ask_one(pid, retries)
            if reason:
                return reason
        silent = self._main - self.answered
        if self._named and silent:
            return f"process {min(silent)} has not answered yet"
        stranger = self._stranger()
        return f"port {self._probe.port} belongs to another process: {stranger}" if stranger else ""

    def ask_one(self, pid: int, retries: int) -> str:
        """Ask one worker on its private sockets, where it has them; why it is not proved so, "" when it is.

        Raises Unhealthy when it runs another release, or was bad `retries` times in a row: one sick worker of many
        never answers badly often enough in a row on the common port.
        """
        inside = self._pm2.workers.ask(pid)
        if inside is None:
            return ""  # it has none, or it stands still: the common port tells
        if self._of_another_release(inside.script):
            raise self.unhealthy(f"process {pid} runs {inside.script}, which is not of {self._names[0]}")
        answer = self._probe_of(pid)
        if answer is None:
            return ""  # its server is not one of Node's own
        wrong = judge.wrong_release(answer, self._names)
        if answer.ok and wrong is None:
            self._bad[pid] = 0
            self._heard.add(pid)
            self.answered.add(pid)
            self.by = "answer"
            return ""
        reason = answer.reason or f"release {wrong} answers, not {self._names[0]}"
        self._bad[pid] = self._bad.get(pid, 0) + 1
        if self._bad[pid] >= retries:
            raise self.unhealthy(f"process {pid}, asked by itself: {reason} ({retries} times in a row)")
        return f"process {pid}: {reason}"

    def _of_another_release(self, script: str) -> bool:
        """A script may also lie in a layer (`node_modules/.bin/…`), which releases share."""
        return script.startswith(f"{os.path.dirname(self._folder)}/") and not script.startswith(
            f"{self._folder}/"
        )

    def _probe_of(self, pid: int) -> Optional[Answer]:
        return self._pm2.workers.probe(pid, self._probe.path, self._probe.port, self._probe.timeout)

    def unhealthy(self, reason: str) -> Unhealthy:
        """The error for `reason`, with what the app last wrote to its error log."""
        try:
            tail = self._pm2.tail()
        except (HostError, OSError):
            tail = []
        return Unhealthy(f"{self._names[0]} could not be proved: {reason}", reason=reason, tail=tail)

    def _wanted(self) -> List[Process]:
        expected = self._pm2.expected()
        return [process for process in self._pm2.processes() if process.name in expected or not expected]

    def _alive(self, process: Process) -> None:
        before = self._restarts.setdefault(process.id, process.restarts)
        if process.restarts > before:
            raise self.unhealthy(f"{process.name} {process.id} ended and was restarted")
        if process.status in ("errored", "stopped"):
            raise self.unhealthy(f"{process.name} {process.id} is {process.status}")

    def _not_yet(self, process: Process) -> str:
        """Why this process is not proved by the kernel, "" when it is."""
        pid = process.pid
        if process.status != "online" or not pid:
            return f"{process.name} {process.id} is {process.status}, its process {pid or 'missing'}"
        if not proc.alive(pid):  # PM2 does not know yet
            return f"{process.name} {process.id} ended, its process {pid} is gone"
        if proc.started(pid) + 2 * proc.TICK < self._since:
            return f"process {pid} was started before the switch"
        where = proc.cwd(pid) or ""
        if where != self._folder and not where.startswith(self._folder + "/"):
            return f"process {pid} works in {where or 'a folder that cannot be seen'}, not in {self._folder}"
        return ""

    def _foreign(self, pid: int, strict: bool) -> Tuple[str, str]:
        """An answer of a process that PM2 does not list: an old worker that drains, or a stranger on the port."""
        if self._pm2.daemon() in proc.ancestors(pid):
            return BAD if strict else WAIT, f"process {pid} answers, which PM2 does not list"
        return BAD, f"another process answers on port {self._probe.port}: {pid} {proc.cmdline(pid)}".rstrip()

    def _stranger(self) -> Optional[str]:
        """Who holds the port without being a worker, its descendant, or the daemon (which listens for its cluster)."""
        ours = self.pids | {self._pm2.daemon()}
        for pid in proc.owners(self._probe.port):
            if not ours & set(proc.ancestors(pid)):
                return f"{pid} {proc.cmdline(pid)}"
        return None
