"""One host of the state machine: its world, what is expected of it, and how a deployer's run on it goes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from tests.faults.machine import holds, standin
from tests.faults.machine.deployer import Artifact, Deployer, Result
from tests.faults.machine.mortal import Killed, Mortal
from turnout_host import disk, survey
from turnout_host.layout import Layout

modes = st.sampled_from(["good", "good too", "good as well"])
Death = tuple[int, bool] | None
"""Before which change to the disk something dies, counted from 1; and whether it is the power that goes."""


def deaths(changes: int) -> st.SearchStrategy[Death]:
    """Mostly, in an operation that makes about so many changes: anywhere, or in its later half, where the switch is."""
    places = st.integers(1, changes) | st.integers(changes // 2, changes)
    return st.none() | st.tuples(places, st.booleans())


class Base(RuleBasedStateMachine):
    """What all rules work with."""

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
