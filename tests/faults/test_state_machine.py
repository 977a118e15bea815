"""Deployments, rollbacks, deaths, hands and clocks in any order, on the real host program: all points of DESIGN 9 hold.

Hypothesis draws the order and shrinks what it finds. Programs run in this process and die there (machine/mortal.py);
PM2 and the app have a stand-in (machine/standin.py); layout, journal, lease, store, pointsman and recovery are real.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.faults.cells import SEED
from tests.faults.machine import holds, standin
from tests.faults.machine.deployer import STEPS as STEPS_BEFORE
from tests.faults.machine.deployer import Artifact, Deployer, Result
from tests.faults.machine.mortal import Killed, Mortal
from turnout_host import disk, recovery, survey, switch
from turnout_host.errors import LeaseLost
from turnout_host.layout import Layout
from turnout_host.lease import Lease

ALL = os.environ.get("TURNOUT_FAULTS_RUN") == "all"
EXAMPLES, STEPS = (400, 50) if ALL else (50, 30)
RESULTS = os.environ.get("TURNOUT_FAULTS_RESULTS")
"""A file to which the run adds a line, for docs/faults.md."""

GOOD = ("good", "good too", "good as well")
modes = st.sampled_from(GOOD)
OUTAGE = "outage"
bad_modes = st.sampled_from(["sick", "turns", "fades", "crash", OUTAGE])
"""Sick in the rehearsal; behind the switch; while it bakes; while PM2 reloads. Or nothing answers well any more."""
keeps = st.integers(1, 2)
Death = tuple[int, bool] | None
"""Before which change to the disk something dies, counted from 1; and whether it is the power that goes."""


def deaths(changes: int) -> st.SearchStrategy[Death]:
    """Half of the time, in an operation that makes about so many changes."""
    return st.none() | st.tuples(st.integers(1, changes), st.booleans())


class Host(RuleBasedStateMachine):
    """One host, its deployers, its hands."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="tn-machine-"))
        self.patch = pytest.MonkeyPatch()
        self.mortal = Mortal()
        self.world = standin.World(self.mortal)
        self.layout = Layout(str(self.root / "app"))
        self.count = 0
        self.settled = False
        """Somebody was in contact, and nothing died since."""
        self.clean = True
        """No hand and no outage was here since the last release was proved: the status has nothing to say."""
        self.dark = False
        """The power went, and nothing that a boot starts was started since."""
        self.pins: set[str] = set()
        self.touched: set[str] = set()
        self.gone: set[str] = set()
        self.dotenvs: set[bytes] = set()

    @initialize(deployed=st.lists(modes, max_size=4))
    def prepare(self, deployed: list[str]) -> None:
        """A folder with a dotenv, a Node and a PM2 in PATH, and some releases."""
        home = self.root / "home"
        (home / "bin").mkdir(parents=True)
        for name in ("node", "pm2"):
            (home / "bin" / name).touch(0o755)
        standin.install(self.patch, self.world, home)
        self.layout.prepare()
        self._write_dotenv("A=1\n")
        for mode in deployed:
            result = self._deploy(mode, 3, False, None)
            assert result == Result("succeeded", f"v{self.count}"), result

    def teardown(self) -> None:
        """Put the machine back."""
        self.patch.undo()
        if self.root.exists():
            disk.unlock(self.root)
            shutil.rmtree(self.root)

    # what a deployer does

    @rule(mode=modes, keep=keeps, accept_drift=st.booleans(), death=deaths(190))
    def deploy(self, mode: str, keep: int, accept_drift: bool, death: Death) -> None:
        """A release that is well."""
        result = self._deploy(mode, keep, accept_drift, death)
        if result and result.result != "refused" and not self.world.outage:
            assert result.result == "succeeded", result
        if result and result.result == "refused":
            assert not self.clean, result

    @rule(mode=bad_modes, keep=keeps, death=deaths(170))
    def deploy_a_sick_one(self, mode: str, keep: int, death: Death) -> None:
        """It is refused, or taken back; in an outage even that cannot be proved."""
        was = survey.running(self.layout) if self.settled else None
        self.world.outage_after_rehearsal = mode == OUTAGE
        result = self._deploy("good" if mode == OUTAGE else mode, keep, True, death)
        self.world.outage_after_rehearsal = False
        self.clean &= not self.world.outage
        if result:
            assert result.result in ("refused", "failed", "reverted", "revert_failed"), result
            assert was in (None, survey.running(self.layout))

    @rule(mode=modes, steps=st.integers(0, len(STEPS_BEFORE)))
    def deployer_vanishes(self, mode: str, steps: int) -> None:
        """Its link is cut after so many steps."""
        self._operate("deploy", lambda deployer: deployer.deploy(self._artifact(mode), 3, True, steps))

    @precondition(lambda self: self._others())
    @rule(data=st.data(), death=deaths(80))
    def rollback(self, data: st.DataObject, death: Death) -> None:
        """Without a name, or to a named release."""
        name = data.draw(st.sampled_from([None, *self._others()]))
        result = self._operate("rollback", lambda deployer: deployer.rollback(name), death)
        self._judge(result)
        if result and result.result == "failed":
            assert self.touched | self.gone, result

    @precondition(lambda self: holds.Ledger(self.layout).blessed())
    @rule(data=st.data(), remove=st.sampled_from([False, False, True]), death=deaths(25))
    def pin(self, data: st.DataObject, remove: bool, death: Death) -> None:
        """A release is pinned, or no longer."""
        name = data.draw(st.sampled_from(holds.Ledger(self.layout).blessed()))

        def work(deployer: Deployer) -> Result:
            deployer.call("pin", release=name, by="ada@laptop", remove=remove)
            return deployer.finish(Result("succeeded", name))

        if self._operate("pin", work, death):
            self.pins = self.pins - {name} if remove else self.pins | {name}

    @rule(keep=keeps, death=deaths(70))
    def prune(self, keep: int, death: Death) -> None:
        """The running release, `keep` blessed ones before it, and the pinned ones stay; nothing else."""
        wanted: set[str] = set()

        def work(deployer: Deployer) -> Result:
            ledger, running = holds.Ledger(self.layout), survey.running(self.layout)
            serving = deployer.host.journal.state.serving
            before = [name for name in ledger.blessed() if name != running][-keep:]
            wanted.update({running or "", serving or "", *before, *ledger.pinned()} - {""})
            deployer.call("prune", keep=keep)
            return deployer.finish(Result("succeeded"))

        if self._operate("prune", work, death):
            there = {path.name for path in self.layout.releases.iterdir()}
            assert there == wanted - self.gone, (there, wanted)

    @rule(death=deaths(25))
    def resume(self, death: Death) -> None:
        """A new contact ends what was left open, unless it dies itself."""
        self._operate("resume", lambda deployer: deployer.finish(Result("succeeded")), death)

    @rule(back=st.integers(0, 3), call=st.sampled_from(["finish", "pin", "prune", "stage"]))
    def old_token(self, back: int, call: str) -> None:
        """Refused, and nothing is written: one of an earlier deployer, or (0) of one whose lease a hand removed."""
        arguments, earlier = self._arguments(), Deployer(str(self.layout.path), "earlier")
        earlier.acquire("deploy")
        if back:
            earlier.leave()
        else:
            self.layout.lease.unlink()

        def work(later: Deployer) -> Result:
            size, own = self.layout.journal.stat().st_size, later.token
            asked = later if back else earlier
            asked.token = max(1, own - back)
            if call != "pin" or holds.Ledger(self.layout).blessed():
                with pytest.raises(LeaseLost):
                    asked.call(call, **arguments)
            assert self.layout.journal.stat().st_size == size
            later.token = own
            return later.finish(Result("succeeded"))

        try:
            self._operate("deploy", work)
        finally:
            earlier.vanish()

    # what dies

    @rule(death=deaths(30))
    def boot(self, death: Death) -> None:
        """The machine goes down and comes up; what it should run at a boot is run."""
        self.world.power_cut()
        self.dark = True
        lease = Lease(self.layout)
        self.patch.setattr(recovery, "Lease", lambda _: lease)
        try:
            with self.mortal.at_work(*(death or ())):
                recovery.at_boot(str(self.layout.path))
            self.dark = self.settled = False  # what is left over is for the next contact
        except Killed as killed:
            self._died(killed)
        finally:
            lease.release()

    @rule(hours=st.sampled_from([-1, 1]))
    def clock_jumps(self, hours: int) -> None:
        """A person sets the clock."""
        self.world.jump += 3600 * hours

    # what hands do

    @rule(number=st.integers(1, 9), shared=st.booleans())
    def edit_dotenv(self, number: int, shared: bool) -> None:
        """In `shared/`, as a person should, or in `current/`, as one does."""
        text, file = f"A={number}\n", self.layout.current / ".env"
        if shared:
            self._write_dotenv(text)
        elif file.exists():
            rest = [line for line in file.read_text().splitlines(True) if not line.startswith("A=")]
            file.write_text(text + "".join(rest))
            self.dotenvs.add(text.encode())
        self.clean = False

    @precondition(lambda self: any(link.exists() for link in switch.links(self.layout)))
    @rule(data=st.data(), whole=st.booleans())
    def hand_drill(self, data: st.DataObject, whole: bool) -> None:
        """The spec's own rollback, `cp -r` of a link; a person who is called away forgets `pm2 restart`."""
        links = [link for link in switch.links(self.layout) if link.exists()]
        if os.path.lexists(self.layout.current) and self.settled:
            self.layout.current.unlink()
            self.layout.current.symlink_to(data.draw(st.sampled_from(links)).readlink())
            if whole:
                self.world.reload(self.layout.current)
            self.clean = False

    @precondition(lambda self: survey.running(self.layout) is not None)
    @rule(in_place=st.booleans())
    def edit_a_file(self, in_place: bool) -> None:
        """In place it changes the store and every release with the same contents; an editor's new file does not."""
        file = self.layout.current.resolve() / "lib/a.js"
        if not file.exists():
            return
        same = [one for one in self.layout.releases.glob("v*/lib/a.js") if one.samefile(file)]
        self.touched |= {one.parent.parent.name for one in (same if in_place else [file])}
        if in_place:
            mode = file.stat().st_mode
            file.chmod(0o644)
            file.write_bytes(file.read_bytes() + b"// by hand\n")
            file.chmod(mode)
        else:
            file.parent.chmod(0o755)
            new = file.with_name("a.js~")
            new.write_bytes(b"// another one, by hand\n")
            new.rename(file)
        self.clean = False

    @rule(data=st.data())
    def remove_a_release(self, data: st.DataObject) -> None:
        """`rm -rf releases/vN`, be it the running one: then `current` leads nowhere."""
        names = sorted(path.name for path in self.layout.releases.iterdir())
        if names and self.settled:
            name = data.draw(st.sampled_from(names))
            self.clean &= name != survey.running(self.layout)
            disk.unlock(self.layout.release(name))
            shutil.rmtree(self.layout.release(name))
            self.gone.add(name)

    # what must hold

    @invariant()
    def holds(self) -> None:
        """At any moment; and once somebody was in contact, more."""
        Host.steps += 1
        problems = list(holds.always(self.layout, self.world, self.touched, self.gone))
        assert not self.world.crashes, self.world.crashes
        if self.settled:
            status = self._status()
            problems += holds.settled(self.layout, self.world, status)
            if missing := self.pins - set(holds.Ledger(self.layout).pinned()):
                problems.append(f"5: {missing} were shown as pinned")
            if self.clean and not self.dark and status["needs_a_look"]:
                problems.append(f"3: nothing happened, and the status says {status['needs_a_look']}")
            running = survey.running(self.layout)
            if running in self.touched and not status["drift"]:
                problems.append(f"2: a hand changed {running}, and nobody says so")
        if self.layout.dotenv.read_bytes() not in self.dotenvs:
            problems.append(f"6: shared/.env is {self.layout.dotenv.read_text()!r}")
        assert not problems, problems

    # the means

    def _deploy(self, mode: str, keep: int, accept_drift: bool, death: Death) -> Result | None:
        result = self._operate(
            "deploy", lambda deployer: deployer.deploy(self._artifact(mode), keep, accept_drift, 9), death
        )
        if result and result.result == "succeeded":
            unpinned = {path.name for path in self.layout.releases.iterdir()} - self.pins
            assert len(unpinned) <= keep + 1
        self._judge(result)
        return result

    def _judge(self, result: Result | None) -> None:
        """What is shown as done is in the journal, and serves."""
        if result and result.result == "succeeded":
            self.clean, self.dark = not self.world.outage, False
            assert survey.running(self.layout) == result.release
            assert result.release in holds.Ledger(self.layout).blessed()

    def _others(self) -> list[str]:
        """Blessed releases beside the one that runs."""
        running = survey.running(self.layout)
        return [name for name in holds.Ledger(self.layout).blessed() if name != running]

    def _operate(
        self, command: str, work: Callable[[Deployer], Result | None], death: Death = None
    ) -> Result | None:
        """One run of a deployer against the host; None when something died on the way, or the link was cut."""
        self.count, self.world.outage = self.count + 1, False
        deployer: Deployer | None = None
        try:
            with self.mortal.at_work(*(death or ())):
                deployer = Deployer(str(self.layout.path), f"d{self.count}")
                deployer.acquire(command)
                result = work(deployer)
                deployer.leave()
        except Killed as killed:
            self._died(killed)
            return None
        finally:
            if deployer is not None:
                deployer.vanish()
        self.settled = True
        self.gone -= {path.name for path in self.layout.releases.iterdir()}
        return result

    def _died(self, killed: Killed) -> None:
        self.settled = False
        self.pins = set(holds.Ledger(self.layout).pinned())
        if killed.power:
            self.dark = True
            self.world.power_cut()

    def _status(self) -> dict[str, Any]:
        looker = Deployer(str(self.layout.path), "look")
        return looker.call("status")

    def _arguments(self) -> dict[str, Any]:
        name = (holds.Ledger(self.layout).blessed() or ["v1"])[-1]
        digest = "0" * 64
        return {
            "deployment": "x", "result": "failed", "release": name, "by": "eve", "keep": 1, "remove": True,
            "manifest": digest, "artifact": digest, "revision": "r",
        }  # fmt: skip

    def _artifact(self, mode: str) -> Artifact:
        """Contents that releases share, some of them, and one of two layers."""
        layer = f"deps-{self.count % 2}"
        tree = {
            "mode": mode.encode(),
            "lib/a.js": b"// shared by all\n",
            "lib/b.js": f"// {self.count % 3}\n".encode(),
            "server.js": b"",
        }
        return Artifact(tree, layer, {"node_modules/express/index.js": f"// {layer}\n".encode()})

    def _write_dotenv(self, text: str) -> None:
        self.layout.dotenv.write_text(text)
        self.dotenvs.add(text.encode())


@pytest.mark.timeout(7200 if ALL else 900)
def test_any_order_of_deployments_deaths_and_hands_ends_well() -> None:
    """The host is whole after every step; a failure prints the steps that lead to it."""
    Host.steps = 0
    how = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        print_blob=True,
        phases=[Phase.generate, Phase.shrink],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    problems: list[str] = []
    try:
        run_state_machine_as_test(seed(SEED)(Host), settings=how)
    except BaseException as error:
        problems.append(repr(error)[:300])
        raise
    finally:
        report(problems)


def report(problems: list[str]) -> None:
    """One line for the table."""
    if RESULTS:
        line = {
            "kind": "state machine",
            "examples": EXAMPLES,
            "steps": Host.steps,
            "seed": SEED,
            "problems": problems,
        }
        with Path(RESULTS).open("a") as file:
            file.write(json.dumps(line) + "\n")
