"""Deployers stopped, cancelled or cut off, PM2's daemon killed, the power gone: the host ends well, and says so."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cells import some
from tests.faults.rig import Rig, fold
from tests.integration.test_boot import boot, power_cut
from tests.support.left import nothing_left, ours, role
from tests.support.proxy import ProxyThread
from tests.support.site import strays, until
from turnout_host.layout import Layout
from turnout_host.lease import Lease
from turnout_host.processes.listing import Listing

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@contextlib.contextmanager
def deploying(rig: Rig, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A deployment under way; ended afterwards, whatever happens."""
    process = rig.start("deploy", "--json", **env)
    try:
        yield process
    finally:
        rig.lift()
        process.kill()
        process.communicate()
        rig.wake()


def reach(process: subprocess.Popen[str], *words: str) -> None:
    """Read events until one holds all these words."""
    assert process.stdout
    for line in process.stdout:
        assert '"deployment.finished"' not in line, line
        if all(word in line for word in words):
            return
    raise AssertionError(words)


def met(rig: Rig, process: subprocess.Popen[str] | None = None) -> None:
    """Wait until the fault was met; with `process`, until it or a program on the host has stopped there."""
    until((rig.root / "fault.met").exists, 90)
    if process:
        until(lambda: any(stopped(pid) for pid in [process.pid, *strays(rig.path)]))


def stopped(pid: int) -> bool:
    """Has it met SIGSTOP?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The last event; its exit code is the process's."""
    out, err = process.communicate(timeout=200)
    end = dict(json.loads(out.splitlines()[-1]))
    assert process.returncode == end["exit_code"], (end, err)
    return end


def converges(rig: Rig, words: str) -> None:
    """The same command again: the new release serves, and nothing is left."""
    again = rig.deploy()
    assert again.finished["result"] in ("succeeded", "unchanged")
    assert rig.answer("/").body["greeting"] == words
    nothing_left(rig)


# links


@pytest.mark.parametrize("step", some(["stage", "rehearse"], 1))
def test_a_half_open_link_is_noticed_on_both_sides(rig: Rig, step: str) -> None:
    """A cable that was pulled: 20 within 15 s for the deployer, and the host frees its lease by itself."""
    rig.greet(f"Half open at {step}")
    with ProxyThread(rig.sshd.port) as proxy, deploying(rig, **rig.over(proxy.port)) as process:
        rig.lay(f"deployer:{step}:enter", "stop")
        met(rig, process)
        proxy.freeze()
        os.kill(process.pid, signal.SIGCONT)
        out, _ = process.communicate(timeout=15 + 15)  # 15 s to notice, then its goodbyes
        end = json.loads(out.splitlines()[-1])
        assert (end["exit_code"], end["result"]) == (20, "failed"), end
        until(lambda: Lease(rig.layout).holder() is None, 25)
    converges(rig, f"Half open at {step}")


# a deployer that was stopped


@pytest.mark.parametrize("step", some(["upload", "stage", "migrate"], 1))
def test_a_stopped_deployer_that_continues_after_another_one_is_refused(rig: Rig, step: str) -> None:
    """Stopped for longer than another deploy takes, then continued: 31, and nothing is written any more."""
    rig.greet(f"Stopped at {step}")
    with deploying(rig) as process:
        rig.lay(f"deployer:{step}:enter", "stop")
        met(rig, process)
        until(lambda: Lease(rig.layout).holder() is None, 40)  # 15 s without a frame: the host lets go
        rig.greet(f"Deployed while {step} was stopped")
        other = rig.deploy()
        rig.settle()
        before = rig.layout.journal.read_bytes()
        os.kill(process.pid, signal.SIGCONT)
        end = ended(process)

    assert (end["exit_code"], end["result"]) == (31, "failed"), end
    assert other.finished["deployment"] in " ".join(end["error"]["why"])
    assert rig.layout.journal.read_bytes() == before
    assert rig.serving() == {other.finished["release"]}
    nothing_left(rig)


# Ctrl-C, and CI's cancel

BEFORE = [
    *((signal.SIGINT, step) for step in some(["build", "upload", "rehearse"], 1)),
    *((signal.SIGTERM, step) for step in some(["checkout", "stage", "rehearse"], 1)),
]


@pytest.mark.parametrize("number, step", BEFORE)
def test_stopped_once_before_the_switch(rig: Rig, number: signal.Signals, step: str) -> None:
    """130 at a safe point: what served serves on, the state of the host is said, and nothing is left."""
    before = rig.serving()
    rig.greet(f"Stopped by {number.name} in {step}")
    with deploying(rig) as process:
        reach(process, '"step.started"', f'"{step}"')
        process.send_signal(number)
        end = ended(process)
    assert (end["exit_code"], end["result"]) == (130, "failed"), end
    assert f"{min(before)} on " in end["error"]["state"] or "nothing was changed" in end["error"]["state"], (
        end
    )
    assert rig.serving() == before
    nothing_left(rig)


def test_stopped_once_in_the_switch(rig: Rig) -> None:
    """The host goes on alone, and the deployer says so before it leaves."""
    rig.greet("Stopped in the switch")
    with deploying(rig) as process:
        rig.lay("pointsman:verify:enter", "delay", 2.0)
        met(rig)
        process.send_signal(signal.SIGINT)
        end = ended(process)
    assert end["exit_code"] == 130
    assert "ends the switch by itself" in end["error"]["state"]
    rig.settle()
    assert rig.answer("/").body["greeting"] == "Stopped in the switch"
    nothing_left(rig)


@pytest.mark.parametrize("step", some(["build", "rehearse"], 1))
def test_stopped_twice(rig: Rig, step: str) -> None:
    """Whoever has no patience for the goodbyes gets 130 at once; the host cleans up by itself."""
    rig.greet(f"Stopped twice in {step}")
    with deploying(rig) as process:
        reach(process, '"step.started"', f'"{step}"')
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 130, out
        assert json.loads(out.splitlines()[-1])["exit_code"] == 130
    rig.settle()
    nothing_left(rig)
    converges(rig, f"Stopped twice in {step}")


@pytest.mark.parametrize("step", some(["checkout", "stage"], 1))
def test_cancelled_by_a_ci(rig: Rig, step: str) -> None:
    """INT, TERM and KILL one after another, to the whole group, as runners do it."""
    rig.greet(f"Cancelled in {step}")
    process = rig.start("deploy", "--json", group=True)
    try:
        reach(process, '"step.started"', f'"{step}"')
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
    finally:
        process.kill()
        process.communicate()
    rig.settle()
    converges(rig, f"Cancelled in {step}")


# PM2's daemon


def kill_daemon(rig: Rig) -> None:
    """And with it all that it runs (FACTS)."""
    pid = rig.daemon()
    if pid:
        os.kill(pid, signal.SIGKILL)


MOMENTS = [
    "deployer:stage:enter",
    "deployer:activate:enter",
    "pointsman:activate:enter",
    "pointsman:activation.switched:after",
    "pointsman:activation.reloaded:after",
    "pointsman:activation.proved:after",
    "pointsman:save:enter",
]


@pytest.mark.parametrize("point", some(MOMENTS, 2))
def test_pm2s_daemon_killed(rig: Rig, point: str) -> None:
    """What serves in the end was proved and is what `current` leads to; the same command again ends well."""
    words = f"No daemon at {point}"
    rig.greet(words)
    with deploying(rig) as process:
        rig.lay(point, "stop")
        met(rig, process)
        kill_daemon(rig)
        until(lambda: not rig.daemon())
        rig.wake()
        os.kill(process.pid, signal.SIGCONT)
        end = ended(process)
    assert end["result"] in ("succeeded", "reverted", "failed"), end
    rig.settle()
    told = rig.turnout("status", "--json").json["hosts"][0]
    assert told["open"] is None
    assert rig.answers() or told["needs_a_look"], (end, told)
    if end["result"] in ("succeeded", "reverted"):
        assert rig.serving() == {rig.current()}, end
    converges(rig, words)


def test_pm2s_daemon_killed_during_a_reload(rig: Rig) -> None:
    """Workers are being replaced when PM2's daemon goes."""
    rig.greet("No daemon in a reload")

    with deploying(rig) as process:
        reach(process, '"step.started"', '"activate"')
        until(lambda: reloading(rig))
        kill_daemon(rig)
        end = ended(process)
    assert end["result"] in ("succeeded", "reverted"), end
    rig.settle()
    assert rig.serving() == {rig.current()}, end
    converges(rig, "No daemon in a reload")


def reloading(rig: Rig) -> bool:
    """Is PM2 just replacing a worker?"""
    return bool(Listing(Layout(str(rig.path)), str(rig.pm2_home)).unlisted())


def test_the_pointsman_killed_during_a_reload(rig: Rig) -> None:
    """The worker that it was at is waited for by the next one: two reloads at once would look like an app that dies."""
    rig.greet(f"No pointsman in a reload on {rig.root.name}")
    with deploying(rig) as process:
        reach(process, '"step.started"', '"activate"')
        until(lambda: reloading(rig))
        (pointsman,) = [pid for pid in ours(rig) if role(pid) == "pointsman-worker"]
        os.kill(pointsman, signal.SIGKILL)
        end = ended(process)
    assert end["result"] == "succeeded", end
    nothing_left(rig)


# power

POWER = [
    "pointsman:activate:enter",
    "pointsman:activate:middle",
    "pointsman:activation.switched:before",
    "pointsman:activation.switched:after",
    "pointsman:activation.reloaded:before",
    "pointsman:activation.reloaded:after",
    "pointsman:verify:middle",
    "pointsman:release.blessed:after",
]


@pytest.mark.parametrize("point", some(POWER, 2))
def test_a_host_that_loses_power_in_a_switch_comes_back(rig: Rig, point: str) -> None:
    """Everything of it dies, PM2's daemon too; cron's line at boot finishes the journal, and the release serves."""
    words = f"No power at {point}"
    rig.greet(words)
    with deploying(rig) as process:
        rig.lay(point, "stop")
        met(rig, process)
        process.kill()
        power_cut(rig)
    assert not rig.answers()

    boot(rig)

    rig.settle()
    until(rig.answers)
    (host,) = rig.turnout("status", "--json").json["hosts"]
    assert (host["open"], host["needs_a_look"]) == (None, [])
    assert rig.serving() == {rig.current()}
    converges(rig, words)


# resume


def test_resume_finishes_a_switch_that_was_left_open_and_says_so(rig: Rig) -> None:
    """Deployer, host program and pointsman die behind the switch; nobody looks before `resume` does."""
    rig.greet("Resumed")
    release = left_open(rig, "pointsman:activation.switched:after")

    run = rig.turnout("resume", "--json", check=0)

    assert run.finished["result"] == "succeeded"
    assert run.finished["release"] == release
    assert f"finished the switch to {release}" in run.step("resume")["detail"]
    assert rig.answer("/").body["greeting"] == "Resumed"
    nothing_left(rig)


def test_resume_undoes_a_switch_that_cannot_be_proved_and_says_so(rig: Rig) -> None:
    """50, with the reason of the switch; what served before serves again."""
    before = rig.serving()
    rig.greet("Not to be proved")
    release = left_open(rig, "pointsman:activation.switched:after")
    file = rig.layout.release(release) / "dist/server-local.js"
    hurt(file)

    run = rig.turnout("resume", "--json", check=50)

    assert run.finished["result"] == "reverted"
    assert f"the switch to {release}" in run.finished["error"]["message"]
    assert "was undone" in run.finished["error"]["message"]
    assert run.finished["error"]["why"]
    assert rig.serving() == before
    nothing_left(rig)


def test_resume_takes_away_what_a_dead_run_left(rig: Rig) -> None:
    """A release that was only staged; then there is nothing left to resume."""
    rig.greet("Only staged")
    with deploying(rig) as process:
        rig.lay("deployer:dotenv:enter", "stop")
        met(rig, process)
        for pid in ours(rig):
            os.kill(pid, signal.SIGKILL)
        process.kill()
    until(lambda: Lease(rig.layout).holder() is None)
    assert rig.turnout("verify", "--json").code == 23

    run = rig.turnout("resume", "--json", check=0)

    assert "removed unfinished" in run.step("resume")["detail"]
    again = rig.turnout("resume", "--json", check=0)
    assert again.finished["result"] == "unchanged"
    assert rig.turnout("verify", "--json").code == 0
    nothing_left(rig)


def test_deploy_does_the_same_on_its_own_and_says_which(rig: Rig) -> None:
    """An open switch to the very same revision: it is finished, and nothing is done twice."""
    rig.greet("Deployed again")
    release = left_open(rig, "pointsman:activation.reloaded:after")

    run = rig.deploy()

    assert (run.finished["result"], run.finished["release"]) == ("unchanged", release)
    assert any(f"finished the switch to {release}" in note for note in run.finished["notes"]), run
    nothing_left(rig)


def left_open(rig: Rig, point: str) -> str:
    """Everybody who could end a switch dies at `point`; the release that it was to."""
    with deploying(rig) as process:
        rig.lay(point, "stop")
        met(rig, process)
        process.kill()
        for _ in range(3):  # a pointsman that is killed is started again
            for pid in ours(rig):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    until(lambda: Lease(rig.layout).holder() is None)
    open_now = fold(rig).open
    assert open_now
    return str(open_now["release"])


def hurt(file: Path) -> None:
    """Another file of the same name that cannot be run; the store's stays as it is."""
    file.parent.chmod(0o755)
    file.unlink()
    file.write_text("throw new Error('hurt');\n")


def command(pid: int) -> bytes:
    """What a process was started with."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
