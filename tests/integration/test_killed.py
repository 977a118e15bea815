"""kill -9 of the deployer at every step, then the same command again: nothing stays half done (DESIGN 1 P2)."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from tests.faults.cells import some
from tests.support.left import nothing_left, ours
from tests.support.site import Site, until
from turnout.deploy import DEPLOY
from turnout_host.lease import Lease

pytestmark = pytest.mark.integration


def kill_at(site: Site, step: str) -> None:
    """Start a deployment and kill the deployer, with all that it started, the moment `step` begins."""
    process = site.start("deploy", "--json")
    assert process.stdout
    try:
        for line in process.stdout:
            event = json.loads(line)
            assert event["type"] != "deployment.finished", (step, event)
            if event["type"] == "step.started" and event["step"] == step:
                break
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("step", some([name for name in DEPLOY.names if name != "notify"], 6))
def test_the_same_command_again_ends_well(live: Site, step: str) -> None:
    """The old or the new release serves right after the kill; the next deploy needs no cleaning up."""
    before = live.serving()
    live.greet(f"Killed at {step}")
    kill_at(live, step)
    assert live.serving() <= {*before, f"v{max(int(name[1:]) for name in before) + 1}", *after(live)}

    run = live.deploy()

    assert run.finished["result"] in ("succeeded", "unchanged")
    assert live.answer("/").body["greeting"] == f"Killed at {step}"
    assert live.serving() == {run.finished["release"]}
    nothing_left(live)


def after(site: Site) -> set[str]:
    """Releases that the journal says were activated."""
    return {entry["release"] for entry in site.journal() if entry["type"] == "activation.switched"}


def test_a_killed_pointsman_is_ended_by_the_next_contact(live: Site) -> None:
    """Deployer, host program and pointsman die in the bake; a mere look at the status ends the job."""
    live.write_toml(bake="30s")
    live.greet("Pointsman killed")
    process = live.start("deploy", "--json")
    try:
        assert process.stdout
        for line in process.stdout:
            if "proved by" in line:
                break
        process.send_signal(signal.SIGKILL)
        for pid in ours(
            live
        ):  # host program, pointsman and its worker: nobody is left who could start another
            os.kill(pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    until(lambda: Lease(live.layout).holder() is None)
    live.write_toml(bake="0.5s")
    assert live.journal()[-1]["type"] != "activation.ended"

    status = live.status()

    assert status["open"] is None
    assert status["needs_a_look"] == []
    assert live.journal()[-1]["type"] == "activation.ended"
    assert live.deploy().finished["result"] == "unchanged"
    nothing_left(live)


def test_a_second_deploy_is_refused_and_told_who_holds_the_lease(live: Site) -> None:
    """Two at once: the second one gets 30, and the first one is not disturbed."""
    live.greet("Two at once")
    first: subprocess.Popen[str] = live.start("deploy", "--json")
    try:
        assert first.stdout
        for line in first.stdout:
            if '"build"' in line and "step.started" in line:
                break
        second = live.deploy(check=30)
        out, _ = first.communicate()
    finally:
        first.kill()
    assert second.finished["result"] == "refused"
    why = " ".join([second.finished["error"]["message"], *second.finished["error"]["why"]])
    assert "@" in why
    assert json.loads(out.splitlines()[-1])["result"] == "succeeded"
