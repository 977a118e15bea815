"""The pointsman: carries one activation out from the journal, to its end, with nobody watching (DESIGN 6).

The host program starts it detached, with the lease in its hand. It is a small parent that restarts its worker from the
journal when that dies; every phase can be done again. The phases:

    asked → switched → reloaded → proved → (baked →) blessed → saved → ended
               └─────────┴──────────┴─────────┴→ reverting → reverted → ended

With several hosts it waits in `baked` for the word that the others are well, too, and reverts if that does not come.

There is one revert at most, to the release that was asked for as the way back; if that cannot be proved either,
nothing more is touched and the end says so.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
import time
from typing import Any, Callable, ContextManager, Dict, List, Optional

from turnout_host import apps, boot, disk, failpoints, figures, gap, hiding, proc, switch
from turnout_host.errors import HostError, SurveyError
from turnout_host.journal import Journal
from turnout_host.layout import Layout
from turnout_host.lease import Lease
from turnout_host.notes import Notes
from turnout_host.processes.pm2 import PM2
from turnout_host.proof import Proof, bake, prove
from turnout_host.state import Record

ATTEMPTS = 3
"""How often a pointsman, or its worker, is started before people must look."""
GROUP = 120.0
"""Seconds that a release waits for the word that the whole group is well, once its deployer is gone."""
PAUSE = 0.03
"""Seconds between two looks at the journal."""
BALLAST = 1 << 20
"""Bytes that are set aside before a switch, so that a disk that fills up meanwhile does not stop the way back."""


def set_aside(layout: Layout) -> None:
    """Make the ballast. Raises SurveyError when there is no room: then it is no time for a switch."""
    try:
        disk.fill(layout.ballast, BALLAST)
    except OSError as error:
        raise SurveyError(f"no room for a switch: {error}", where=str(layout.own)) from None


class Pointsman:
    """A running pointsman, as its starter sees it; started again when it is killed, ATTEMPTS times in all."""

    def __init__(self, layout: Layout, lease: Lease) -> None:
        self._layout, self._lease, self._left = layout, lease, ATTEMPTS
        self._start()

    def _start(self) -> None:
        self._left -= 1
        arguments = ["pointsman", str(self._layout.path), str(self._lease.descriptor), str(self._lease.token)]
        with open(os.devnull, "r+b") as null, (self._layout.own / "pointsman.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", sys.argv[0], *arguments],
                stdin=null,
                stdout=null,
                stderr=log,
                cwd="/",
                start_new_session=True,
                pass_fds=(self._lease.descriptor,),
            )

    def look(self) -> bool:
        """True while it is at work, or was started anew because somebody killed it; False when it is gone for good."""
        if self._process.poll() is None:
            return True
        if self._left and self._process.returncode != 0:
            self._start()
            return True
        return False

    def wait(self, journal: Journal) -> bool:
        """Wait until the journal holds no activation open; False when nobody is left who could end it."""
        while journal.state.open is not None and self.look():
            time.sleep(PAUSE)
            journal.refresh()
        journal.refresh()
        return journal.state.open is None


def parent(path: str, descriptor: int, token: int) -> int:
    """Run the worker until the activation has ended; the process that `Pointsman` starts."""
    layout = Layout(path)
    lease = Lease(layout)
    lease.adopt(descriptor, token)
    journal = Journal(layout, lease.check)
    for _ in range(ATTEMPTS):
        words = [sys.executable, "-I", sys.argv[0], "pointsman-worker", path, str(descriptor), str(token)]
        failpoints.at("worker", "enter")
        subprocess.run(words, pass_fds=(descriptor,), check=False)
        failpoints.at("worker", "exit")
        journal.refresh()
        if journal.state.open is None:
            return 0
    reason = "the pointsman died again and again"
    deployment = journal.state.open["deployment"] if journal.state.open else None
    journal.append("activation.ended", deployment, result="revert_failed", reason=reason)
    return 1


def worker(path: str, descriptor: int, token: int) -> int:
    """Carry the open activation on from wherever the journal says it is; one worker at a time.

    A parent that was killed leaves its worker at work, and its successor starts another: that one waits, and mostly
    finds nothing left to do.
    """
    layout = Layout(path)
    lease = Lease(layout)
    lease.adopt(descriptor, token)
    with layout.worker.open("ab") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        journal = Journal(layout, lease.check)
        if journal.state.open is not None:
            Activation(layout, journal).run()
    return 0


class Activation:
    """The activation that the journal holds open."""

    def __init__(self, layout: Layout, journal: Journal) -> None:
        assert journal.state.open is not None
        self._layout, self._journal = layout, journal
        self._job: Record = journal.state.open
        self._deployment = str(self._job["deployment"])
        self._note: Callable[[str], None] = Notes(layout, self._deployment).write

    def run(self) -> None:
        """From the journal's phase to the end. Whatever goes wrong before `blessed` leads to the revert."""
        if self._phase() not in ("blessed", "saved", "reverting", "reverted"):
            try:
                self._forward()
            except Exception as error:  # noqa: BLE001 - a bug of ours must lead back, too
                self._turn_back(error)
        if self._phase() == "reverting":
            self._revert()
        elif self._phase() == "blessed":
            self._save()
        self._end()

    def _forward(self) -> None:
        if self._phase() == "asked":
            self._switch()
        pm2, facts = self._parts(self._job["release"])
        reloads = self._phase() == "switched" or self._job.get("boot") != proc.boot_id()
        with self._gap(pm2, facts) if reloads else contextlib.nullcontext() as measured:
            if reloads:
                self._reload(self._job["release"])
                self._write("activation.reloaded")
                failpoints.at("activate", "exit")
            proof = self._prove(self._job["release"], self._since())
        if self._phase() == "reloaded":
            more = {"gap_seconds": measured.seconds} if measured and measured.seconds else {}
            self._write(
                "activation.proved", pids=sorted(proof.pids), proof=proof.by, seconds=proof.seconds, **more
            )
        if facts.health["bake"]:
            self._note(f"baking for {facts.health['bake']:g} s")
            failpoints.middle()
            old = figures.read(self._job.get("figures"))
            bake(pm2, facts.probe, proof, facts.folder, facts.names, facts.health, self._note, old)
        if self._job.get("group"):
            self._wait_for_group(pm2, facts, proof)
        failpoints.at("verify", "exit")
        self._write("release.blessed", by=self._job.get("by"))

    def _wait_for_group(self, pm2: PM2, facts: apps.Facts, proof: Proof) -> None:
        """Go on watching until the deployer says how the other hosts are. Raises HostError unless they are well."""
        if self._phase() != "baked":
            self._write("activation.baked")
        self._note("well; waiting for the other hosts")
        lease, led = Lease(self._layout), time.monotonic()
        short = dict(facts.health, bake=facts.health["interval"])
        while not self._word():
            if lease.led_by(self._deployment):
                led = time.monotonic()
            elif time.monotonic() - led > GROUP:
                raise HostError("nobody said that the other hosts are well, and the deployer is gone")
            bake(pm2, facts.probe, proof, facts.folder, facts.names, short, lambda _: None)
        if self._word() != "well":
            raise HostError(
                f"another host is not well: {self._job.get('word_reason') or 'it was not said why'}"
            )

    def _word(self) -> Optional[str]:
        """What the deployer has said of the group so far."""
        self._journal.refresh()
        self._job = self._journal.state.open or self._job
        return self._job.get("word")

    def _turn_back(self, error: Exception) -> None:
        """Write the intent to revert; where the disk takes not even that, revert all the same."""
        why = self._why(error)
        try:
            self._write("activation.reverting", **why)
        except OSError:
            self._job = dict(self._job, phase="reverting", **why)

    def _prove(self, release: str, since: float) -> Proof:
        pm2, facts = self._parts(release)
        failpoints.begin("verify")
        return prove(pm2, facts.probe, facts.folder, facts.names, since, facts.health, self._note)

    def _switch(self) -> None:
        failpoints.begin("activate")
        previous = self._job.get("previous")
        if previous:
            switch.back_up(self._layout, self._layout.release(previous), str(self._job["backup"]))
        old = self._figures(previous)
        since = proc.now()
        switch.point(self._layout, self._layout.release(self._job["release"]))
        self._write("activation.switched", since=since, boot=proc.boot_id(), figures=old and old._asdict())

    def _figures(self, previous: Any) -> Optional[figures.Figures]:
        """How the release that serves has fared: the new one is measured by it."""
        try:
            return figures.of(list(self._parts(previous)[0].insides().values())) if previous else None
        except Exception:  # noqa: BLE001 - figures are no reason to stop a switch
            return None

    def _gap(self, pm2: PM2, facts: apps.Facts) -> ContextManager[Optional[gap.Gap]]:
        """Measures how long nobody answers; only in fork mode, and where somebody answered before."""
        record = self._journal.state.releases[self._job["release"]]
        forked = record.get("gap_seconds") or gap.forked(pm2)
        return gap.Gap(facts.probe) if forked and self._job.get("previous") else contextlib.nullcontext()

    def _since(self) -> float:
        """When the switch was, on the clock that processes' start times use; 0 after a reboot, when all are newer."""
        return float(self._job.get("since") or 0) if self._job.get("boot") == proc.boot_id() else 0.0

    def _reload(self, release: str) -> None:
        pm2, facts = self._parts(release)
        if self._job.get("restart_pm2"):
            self._note("restarting PM2's daemon with another Node")
            pm2.restart_daemon()
        pm2.reload(facts.names[0], facts.dotenv_keys, float(self._job.get("boot_seconds") or 0), self._note)

    def _revert(self) -> None:
        failpoints.begin("revert")
        try:
            self._persist(self._take_back)
        except Exception as error:  # noqa: BLE001 - whatever it is, people must look
            self._write("activation.ended", result="revert_failed", revert_reason=self._why(error)["reason"])
            return
        switch.drop_backup(self._layout, self._job.get("backup"))
        failpoints.at("revert", "exit")
        self._write("activation.reverted", to=self._job.get("previous"), reason=self._job.get("reason"))

    def _persist(self, act: Callable[[], None]) -> None:
        """Do it, and after an error of the disk once more, with the room of the ballast: nobody else would."""
        try:
            act()
        except OSError as error:
            self._note(f"{error}: trying once more")
            with contextlib.suppress(OSError):
                self._layout.ballast.unlink()
            act()

    def _take_back(self) -> None:
        back = self._job.get("previous")
        if back:
            self._note(f"going back to {back}")
            self._go_back(str(back))
        elif self._job.get("since") is not None:  # what was never switched was never reloaded either
            self._note("nothing served before: stopping the processes")
            self._parts(self._job["release"])[0].delete()
            switch.remove(self._layout)

    def _go_back(self, back: str) -> None:
        """To the release before; one whose switch never happened was not disturbed, and is only proved."""
        since, folder = proc.now(), self._layout.release(back)
        if self._job.get("since") is None and switch.target(self._layout) == folder:
            since = 0.0
        else:
            switch.point(self._layout, folder)
            self._reload(back)
        self._prove(back, since)

    def _save(self) -> None:
        """Remember what runs, for PM2 and for the boot; a failure here is told and does not undo a proved release."""
        pm2, facts = self._parts(self._job["release"])
        problems: List[str] = []
        failpoints.begin("save")
        for act in (
            lambda: pm2.processes() or pm2.start_after_boot(),  # the host went down before it came to this
            pm2.save,
            lambda: boot.save(self._layout, facts.toolchain),
            self._take_over_dotenv,
            lambda: switch.trim_backups(self._layout),
        ):
            try:
                act()
            except (HostError, OSError, subprocess.SubprocessError) as error:
                problems.append(str(self._why(error)["reason"]))
        failpoints.at("save", "exit")
        self._write("activation.saved", problems=problems)

    def _take_over_dotenv(self) -> None:
        state = self._journal.state
        apps.take_over_dotenv(self._layout, state.releases[self._job["release"]], state, self._job)

    def _end(self) -> None:
        phase = self._phase()
        if phase == "saved":
            self._write("activation.ended", result="succeeded", reason=None)
        elif phase == "reverted":
            self._write(
                "activation.ended",
                result="reverted",
                reason=self._job.get("reason"),
                tail=self._job.get("tail"),
            )

    def _phase(self) -> str:
        return str(self._job["phase"])

    def _write(self, kind: str, **fields: Any) -> None:
        """Append to the journal; on a full disk the ballast goes overboard for it."""
        fields["release"] = self._job["release"]
        try:
            self._journal.append(kind, self._deployment, **fields)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not self._layout.ballast.exists():
                raise
            self._layout.ballast.unlink()
            self._journal.append(kind, self._deployment, **fields)
        self._job = self._journal.state.open or dict(self._job, phase="ended")

    def _parts(self, release: str) -> tuple[PM2, apps.Facts]:
        facts = apps.facts(self._layout, self._journal.state, release, self._job)
        return facts.pm2, facts

    def _why(self, error: BaseException) -> Dict[str, Any]:
        """What the journal, and so people, are told of a failure; without the dotenv's secrets."""
        told = error if isinstance(error, HostError) else HostError(str(error) or repr(error))
        hiding.conceal(told, apps.values_of(self._layout.release(self._job["release"])))
        tail = list(told.detail.get("tail") or [])[-20:]
        return {"reason": str(told.detail.get("reason") or told), "message": str(told), "tail": tail}
