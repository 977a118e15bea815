"""Rules: what deployers do, well or badly, until something dies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.faults.machine import holds
from tests.faults.machine.base import Base, Death, deaths, modes
from tests.faults.machine.deployer import STEPS, Deployer, Result
from turnout_host import survey
from turnout_host.errors import LeaseLost

OUTAGE = "outage"
bad_modes = st.sampled_from(["sick", "turns", "fades", "crash", OUTAGE])
"""Sick in the rehearsal; behind the switch; while it bakes; while PM2 reloads. Or nothing answers well any more."""
keeps = st.integers(1, 2)


class Deployers(Base):
    """Deployments, rollbacks, pins, prunes, new contacts, old tokens."""

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

    @rule(mode=modes, steps=st.integers(0, len(STEPS)))
    def deployer_vanishes(self, mode: str, steps: int) -> None:
        """Its link is cut after so many steps."""
        self._operate("deploy", lambda deployer: deployer.deploy(self._artifact(mode), 3, True, steps))

    @precondition(lambda self: bool(self._others()))
    @rule(data=st.data(), death=deaths(80))
    def rollback(self, data: st.DataObject, death: Death) -> None:
        """Without a name, or to a named release."""
        name = data.draw(st.sampled_from([None, *self._others()]))
        result = self._operate("rollback", lambda deployer: deployer.rollback(name), death)
        self._judge(result)
        if result and result.result == "failed":
            assert self.touched | self.gone, result

    @precondition(lambda self: bool(holds.Ledger(self.layout).blessed()))
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

    def _arguments(self) -> dict[str, Any]:
        name = (holds.Ledger(self.layout).blessed() or ["v1"])[-1]
        digest = "0" * 64
        return {
            "deployment": "x", "result": "failed", "release": name, "by": "eve", "keep": 1, "remove": True,
            "manifest": digest, "artifact": digest, "revision": "r",
        }  # fmt: skip
