from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from tests.turnout_host.site import Site, until
from turnout_host import proc
from turnout_host.errors import Unhealthy
from turnout_host.proof import Proof, Watch, bake

pytestmark = pytest.mark.integration


@pytest.fixture
def served(site) -> Site:
    """A site whose v1 serves and was proved."""
    site.release("v1")
    site.prove("v1", site.reload("v1"))
    return site


def baked(site: Site, proof: Proof, name: str, **health) -> None:
    bake(
        site.pm2,
        site.probe(),
        proof,
        site.layout.release(name),
        (name, f"{name}-0"),
        {**site.health, **health},
        site.notes.append,
    )


def test_a_good_release(served):
    """Every worker is new, by PM2's pid, start time, folder and its own answer; then it bakes well."""
    served.release("v2")
    since = served.reload("v2")
    proof = served.prove("v2", since)
    assert proof.by == "answer"
    assert proof.pids == proof.answered == sorted(process.pid for process in served.pm2.processes())
    assert len(proof.pids) == 2
    assert all(proc.started(pid) > since - 0.1 for pid in proof.pids)
    baked(served, proof, "v2")
    assert "v2 stayed well for 0.5 s" in served.notes


def test_release_id_counts_as_well(site):
    """A body may name the release by its RELEASE_ID."""
    folder = site.release("v1")
    (folder / "release.json").write_text(json.dumps({"release": "v1-0"}))
    assert site.prove("v1", site.reload("v1")).by == "answer"


def test_without_a_name_in_the_body(served):
    """An app that does not say who it is is proved by its processes, and that is said."""
    served.release("v2", mode="anonymous")
    proof = served.prove("v2", served.reload("v2"))
    assert (proof.by, proof.answered) == ("process", [])
    assert len(proof.pids) == 2


@pytest.mark.parametrize(
    "mode, period, reason",
    [
        ("silent", 1, "the connection was refused"),
        ("crash", 3600, "dies while it boots"),
        ("500", 3600, "status 500 (5 times in a row)"),
        ("liar", 1, "release v0 answers, not v2"),
        ("flaps", 2, "it answers now well, now not"),
    ],
)
def test_pm2_says_all_is_well(served, mode, period, reason):
    """PM2 answers a reload to a broken release as one that went well; the proof does not believe it."""
    served.release("v2", mode=mode, extra="{ listen_timeout: 500 }")
    since = served.point("v2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("turnout_host.processes.wrapper.LISTEN_AT_LEAST", 0.5)
        with pytest.raises(Unhealthy) as caught:  # noqa: PT012 - a crash stops the reload, all else is for the proof
            served.pm2.reload("v2", ["SECRET"], 0.01, served.notes.append)
            served.prove("v2", since, start_period=period, interval=0.02)
    assert reason in caught.value.detail["reason"]


def test_only_an_old_worker_that_drains_gives_more_time(served, monkeypatch):
    """Once it is gone, a worker that is missing is an outage again."""
    watch = Watch(served.pm2, served.probe(), served.layout.release("v1"), ("v1", "v1-0"), 0.0)
    monkeypatch.setattr(served.pm2, "unlisted", lambda: [1])
    assert (watch.look(), watch.leaving) == ("an old process still runs: 1", True)
    monkeypatch.setattr(served.pm2, "unlisted", list)
    monkeypatch.setattr(served.pm2, "processes", list)
    assert "no process of this app" in watch.look()
    assert not watch.leaving


def test_a_reload_that_did_not_happen(served):
    """Workers from before the switch prove nothing, however well they answer."""
    served.release("v2")
    since = served.point("v2")
    with pytest.raises(Unhealthy, match="was started before the switch"):
        served.prove("v2", since, start_period=0.3)


def test_a_restart_into_the_old_folder(served):
    """New processes in the old release are not the new release (FACTS: the trap of stored paths)."""
    served.release("v2")
    since = proc.now()
    served.hand("restart", "app")
    with pytest.raises(
        Unhealthy, match=f"works in {served.layout.release('v1')}, not in {served.layout.release('v2')}"
    ):
        served.prove("v2", since, start_period=1.0)


def test_no_processes_at_all(served):
    """When PM2 runs nothing, or not enough, that is an outage: start_period is not waited for."""
    since = served.reload("v1")
    served.hand("scale", "app", "1")
    with pytest.raises(Unhealthy, match="PM2 runs 1 of 2 processes of app"):
        served.prove("v1", since, start_period=3600)
    served.hand("delete", "app")
    with pytest.raises(Unhealthy, match="PM2 runs no process of this app"):
        served.prove("v1", since, start_period=3600)


def test_a_stopped_process_fails_at_once(served):
    """A process that does not run is not waited for."""
    since = served.reload("v1")
    served.hand("stop", "0")
    with pytest.raises(Unhealthy, match="app 0 is stopped"):
        served.prove("v1", since, start_period=3600)


def test_one_worker_that_dies_after_a_while(served):
    """A restart while it is watched fails at once, though the next process answers well."""
    served.release("v2", mode="dies")
    since = served.reload("v2")
    with pytest.raises(Unhealthy, match=r"ended and was restarted|is stopped"):
        baked(served, served.prove("v2", since), "v2", bake=20, interval=0.01)


def test_the_bake_sees_bad_answers(served):
    """A release that becomes sick later is not blessed."""
    served.release("v2", mode="later")
    since = served.reload("v2")
    proof = served.prove("v2", since, interval=0.02)
    with pytest.raises(Unhealthy, match=r"status 500 \(5 times in a row\)"):
        baked(served, proof, "v2", bake=20, interval=0.01)


def test_the_bake_sees_a_killed_worker(served):
    """A killed worker ends the bake, however fast PM2 replaces it."""
    proof = served.prove("v1", 0.0)
    timer = threading.Timer(0.3, os.kill, [proof.pids[0], signal.SIGKILL])
    timer.start()
    with pytest.raises(
        Unhealthy, match=r"app \d ended and was restarted|is stopped|was replaced|its process"
    ):
        baked(served, proof, "v1", bake=20)
    timer.join()


def test_a_stranger_on_the_port(site):
    """Somebody else who answers on the app's port is named, never taken for the app, and never killed."""
    site.release("v1", mode="anonymous")
    site.release("v2", mode="silent", extra="{ instances: 1, listen_timeout: 300 }")
    stranger = site.start(
        site.toolchain.node, str(site.layout.release("v1") / "server.js"), PORT=str(site.port)
    )
    until(lambda: site.probe().ask().ok)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("turnout_host.processes.wrapper.LISTEN_AT_LEAST", 0.3)
        since = site.reload("v2", 0.01)
    with pytest.raises(
        Unhealthy, match=f"port {site.port} belongs to another process: {stranger.pid} .*server.js"
    ):
        site.prove("v2", since, start_period=0.5)
    assert stranger.poll() is None


def test_a_stranger_that_names_itself(site):
    """A pid in the body that PM2 does not list is a stranger's."""
    site.release("v1")
    folder = site.release("v2", mode="silent", extra="{ instances: 1, exec_mode: 'fork' }")
    (site.layout.release("v1") / "release.json").write_text(
        (folder / "release.json").read_text().replace("silent", "ok")
    )
    stranger = site.start(
        site.toolchain.node, str(site.layout.release("v1") / "server.js"), PORT=str(site.port)
    )
    until(lambda: site.probe().ask().ok)
    with pytest.raises(Unhealthy, match=f"another process answers on port {site.port}: {stranger.pid} "):
        site.prove("v2", site.reload("v2"))


def test_an_app_whose_server_is_a_child(site):
    """`npm start` and the like: the pid in the body may be a descendant of PM2's."""
    folder = site.release("v1", extra="{ script: './parent.js', instances: 1, exec_mode: 'fork' }")
    (folder / "parent.js").write_text(
        "require('child_process').spawn(process.execPath, ['server.js'], { stdio: 'inherit' })"
    )
    proof = site.prove("v1", site.reload("v1"))
    assert proof.by == "answer"
    assert proof.answered == proof.pids


def test_a_second_app_without_a_port(site):
    """A worker that does not serve is proved by its process; only the app of the health path must answer."""
    site.release("v1", extra="{} ), Object.assign({ name: 'mail', script: './mail.js' }")
    (site.layout.release("v1") / "mail.js").write_text("setInterval(() => {}, 1000)")
    proof = site.prove("v1", site.reload("v1"))
    assert (len(proof.pids), len(proof.answered)) == (3, 2)


def test_a_job_that_ends_is_not_waited_for(site):
    """An app that PM2 is told not to keep running may be stopped."""
    site.release("v1", extra="{} ), Object.assign({ name: 'job', script: './job.js', autorestart: false }")
    (site.layout.release("v1") / "job.js").write_text("")
    proof = site.prove("v1", site.reload("v1"))
    assert len(proof.pids) == 2
