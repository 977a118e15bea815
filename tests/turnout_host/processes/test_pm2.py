from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.turnout_host.site import Requests, Site, until
from turnout_host import facts, proc
from turnout_host.errors import HostError, Unhealthy
from turnout_host.layout import Layout
from turnout_host.processes import rpc
from turnout_host.processes.listing import held, parsed
from turnout_host.processes.pm2 import PM2
from turnout_host.processes.reload import Reload
from turnout_host.toolchain import Toolchain

pytestmark = pytest.mark.integration


def runs(site: Site) -> set[str]:
    """Folders that the workers work in, by the kernel's word."""
    return {Path(proc.cwd(process.pid) or "/").name for process in site.pm2.processes() if process.pid}


def stored(site: Site) -> str:
    """All that PM2 stores, as text."""
    return json.dumps(rpc.call(f"{site.home}/rpc.sock", "getMonitorData", [{}], 5))


def stale(site: Site, *names: str) -> set[str]:
    """Those for which PM2 holds a value of its own, in an app or in the daemon's environment: it beats the dotenv."""
    daemon = site.pm2.daemon()
    found = [held(raw, names) for raw in rpc.call(f"{site.home}/rpc.sock", "getMonitorData", [{}], 5)]
    return set().union(*found, proc.environ_keys(daemon) & set(names))


def test_asking_starts_no_daemon(site):
    """Without a daemon there are no processes, and there still is no daemon afterwards."""
    assert (site.pm2.daemon(), site.pm2.processes()) == (0, [])
    site.pm2.delete()
    assert not Path(site.home).exists()


def test_start_reload_save_delete(site):
    """A first start and a reload both end on the release that `current` leads to; the daemon survives its caller."""
    site.release("v1")
    site.release("v2", extra="{ instances: 3 }")
    site.reload("v1")
    daemon = site.pm2.daemon()
    first = site.pm2.processes()
    until(lambda: runs(site) == {"v1"})
    assert [(process.name, process.status, process.mode) for process in first] == [
        ("app", "online", "cluster")
    ] * 2
    assert first[0].cwd == str(site.layout.current)
    assert os.getsid(daemon) == daemon != os.getsid(0)
    assert proc.cwd(daemon) == str(site.layout.path)
    site.reload("v2")
    until(lambda: runs(site) == {"v2"})
    assert site.pm2.daemon() == daemon
    assert len(site.pm2.processes()) == 3, "changed instances must be scaled"
    assert site.pm2.expected() == {"app": 3}
    assert site.pm2.unlisted() == []
    site.pm2.save()
    ours = dumped(site)
    assert len(ours) == 3
    site.hand("save", "--force")
    assert dumped(site) == ours
    assert facts.daemon(site.home) == {
        "pid": daemon,
        "version": "7.0.4",
        "node": facts.node_version(site.toolchain.node),
    }
    site.pm2.delete()
    assert site.pm2.processes() == []


def dumped(site):
    """What PM2 would bring back, without what comes to be known of a worker after a while."""
    entries = json.loads(Path(site.home, "dump.pm2").read_text())
    late = ("node_version", "prev_restart_delay")
    return [
        {key: value for key, value in entry.items() if not key.startswith("axm_") and key not in late}
        for entry in entries
    ]


def test_a_list_that_is_not_there_is_not_saved(site):
    """Without a daemon nothing is known of any app; an empty dump would forget those of others, too."""
    site.release("v1")
    site.reload("v1")
    site.pm2.save()
    before = dumped(site)
    site.hand("kill")
    with pytest.raises(HostError, match="runs nothing"):
        site.pm2.save()
    assert dumped(site) == before


def test_a_dump_that_lies_elsewhere_stays_there(site, tmp_path):
    """A link of somebody's is written through, as `pm2 save` does; the list before is kept beside it."""
    site.release("v1")
    site.reload("v1")
    Path(site.home, "dump.pm2").symlink_to(tmp_path / "dump")
    (tmp_path / "dump").write_text("[]")
    site.pm2.save()
    assert Path(site.home, "dump.pm2").is_symlink()
    assert len(dumped(site)) == 2
    assert Path(site.home, "dump.pm2.bak").read_text() == "[]"
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]


def test_two_apps_that_save_at_once_never_leave_half_a_dump(tmp_path):
    """They share a PM2 and not a lease."""
    ended, torn = threading.Event(), []

    def app(name):
        layout = Layout(str(tmp_path / name))
        pm2 = PM2(layout, {}, Toolchain(layout, None, None), str(tmp_path))
        half = {"name": name, "pm_id": 3}  # as PM2 lists it between restarts
        pm2._raw = lambda: [{"pm2_env": {"name": name, "env": {"X": name * 2000}}}] * 20 + [half]
        return pm2

    def look():
        while not ended.is_set():
            try:
                json.loads((tmp_path / "dump.pm2").read_text())
            except FileNotFoundError:
                continue
            except ValueError as error:
                torn.append(error)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda pm2: [pm2.save() for _ in range(60)], [app("a"), app("bb")]))
    finally:
        ended.set()
        looking.join()
    assert torn == []
    assert len(json.loads((tmp_path / "dump.pm2").read_text())) == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dump.pm2", "dump.pm2.bak"]


def test_no_descriptor_of_ours_reaches_the_daemon(site, tmp_path):
    """A lease that the daemon inherited would be held for ever."""
    site.release("v1")
    with Path(tmp_path, "lease").open("w") as lease:
        os.set_inheritable(lease.fileno(), True)
        site.reload("v1")
        held_there = [
            os.path.realpath(link)
            for pid in proc.family(site.pm2.daemon())
            for link in Path(f"/proc/{pid}/fd").iterdir()
        ]
        assert str(tmp_path / "lease") not in held_there


def test_values_of_the_dotenv_never_reach_pm2(site):
    """SECRET is in the dotenv and in the PM2 file; PM2 stores neither, and the app has the dotenv's."""
    site.release("v1", extra="{ env: { A: '1' } }")
    since = site.reload("v1")
    site.prove("v1", since)
    assert "from-the-" not in stored(site)
    assert site.probe().ask().body["secret"] == "from-the-dotenv"


def few(requests):
    """What a hand started has no drain of ours: a connection that is handed to a worker that ends may hang."""
    return len(requests.failed) <= 1 and all("no whole answer" in one.reason for one in requests.failed)


def test_an_app_that_a_hand_started(site):
    """A path of an old release and a value of the dotenv that a hand's start stored are replaced, without a gap."""
    site.release("v1")
    site.release("v2")
    site.point("v1")
    site.hand("list")
    file = str(site.layout.release("v1") / "ecosystem.config.js")
    site.hand("start", file, "--env", "production", SECRET="from-a-shell")
    assert site.pm2.processes()[0].cwd.endswith("releases/v1")
    assert stale(site, "SECRET", "OTHER") == {"SECRET"}
    daemon = site.pm2.daemon()
    until(lambda: site.probe().ask().ok)
    with Requests(site) as requests:
        since = site.reload("v2")
        site.prove("v2", since)
    assert few(requests)
    assert len(requests.ok) > 10
    assert site.pm2.daemon() == daemon
    assert site.pm2.processes()[0].cwd == str(site.layout.current)
    assert stale(site, "SECRET") == set()
    assert "from-" not in stored(site)
    body = site.probe().ask().body
    assert (body["secret"], body["node_env"]) == ("from-the-dotenv", "production")


def test_an_app_that_a_hand_started_and_that_dies_at_boot(site):
    """The worker that was led to the new path dies: the others keep the old one, and serve on."""
    first = site.release("v1")
    site.hand("start", "ecosystem.config.js", "--env", "production", cwd=first)
    until(lambda: site.probe().ask().ok)
    site.release("v2", mode="crash")
    with Requests(site) as requests:
        with pytest.raises(Unhealthy, match="app 0 dies while it boots"):
            site.reload("v2")
        assert site.probe().ask().body["release"] == "v1"
    assert few(requests)
    assert len(site.prove("v1", site.reload("v1")).pids) == 2


def test_the_way_back_over_a_worker_that_died_for_good(site):
    """PM2 gave it up ("errored"): the revert starts it again instead of taking it for one of its own that dies."""
    site.release("v1")
    site.release("v2", mode="crash")
    site.prove("v1", site.reload("v1"))
    with pytest.raises(Unhealthy, match="dies while it boots"):
        site.reload("v2")
    until(lambda: any(process.status == "errored" for process in site.pm2.processes()))

    assert len(site.prove("v1", site.reload("v1")).pids) == 2


def test_a_daemon_that_holds_a_value_of_the_dotenv(site):
    """Its workers inherit what its first shell had exported; only another daemon is rid of it."""
    site.release("v1")
    site.hand("list", SECRET="from-a-shell")
    since = site.reload("v1")
    site.prove("v1", since)
    assert stale(site, "SECRET", "OTHER") == {"SECRET"}
    assert site.probe().ask().body["secret"] == "from-a-shell"
    site.pm2.restart_daemon()
    assert stale(site, "SECRET", "OTHER") == set()
    site.prove("v1", 0.0)
    assert site.probe().ask().body["secret"] == "from-the-dotenv"


def test_changed_mode(site):
    """A reload silently ignores a changed exec_mode, so the app is started anew."""
    site.release("v1")
    site.release("v2", extra="{ exec_mode: 'fork', instances: 1 }")
    site.reload("v1")
    since = site.reload("v2")
    site.prove("v2", since)
    assert [process.mode for process in site.pm2.processes()] == ["fork"]


def test_an_app_that_left_the_file(site):
    """It is stopped; what a hand started from the same folder is left alone."""
    site.release(
        "v1", extra="{}, ) , Object.assign({ name: 'mail', script: './server.js', env: { PORT: 0 } }"
    )
    site.release("v2")
    site.reload("v1")
    assert site.pm2.expected() == {"app": 2, "mail": 1}
    site.hand("start", "server.js", "--name", "by-hand", cwd=site.layout.release("v1"), PORT="0")
    site.reload("v2")
    assert {process.name for process in site.pm2.processes()} == {"app", "by-hand"}
    assert site.pm2.expected() == {"app": 2}


def test_another_environments_app_of_the_same_name(site, tmp_path):
    """PM2 would take it over by name; it is refused before anything is touched."""
    (tmp_path / "server.js").write_text("setInterval(() => {}, 1000)")
    site.hand("start", "server.js", "--name", "app", cwd=tmp_path)
    site.release("v1")
    site.point("v1")
    with pytest.raises(HostError, match=f"already runs another app, from {tmp_path}"):
        site.pm2.reload("v1", [], 0.1, site.notes.append)
    assert not site.layout.wrapper.exists()
    site.pm2.delete()
    assert "online" in stored(site)


@pytest.mark.parametrize("refused", [False, True])
def test_a_reload_whose_command_was_killed(site, monkeypatch, refused):
    """The daemon goes on with the worker it is at; the next reload waits for that, then makes all of them right.

    It waits beforehand, for an older PM2 would lose a worker; and again when PM2 itself refuses.
    """
    go = site.root / "go"
    site.release("v1")
    site.release("v2", extra="{ wait_ready: true, listen_timeout: 60000 }", ready=str(go))
    site.reload("v1")
    before = {process.pid for process in site.pm2.processes()}
    if refused:
        settle, calls = Reload.settle, []
        monkeypatch.setattr(Reload, "settle", lambda self: settle(self) if calls else calls.append("skipped"))
    else:
        monkeypatch.setattr("turnout_host.processes.reload.AGAIN", 1)
    since = site.point("v2")
    env = {"PATH": os.environ["PATH"], "HOME": str(site.root), "PM2_HOME": site.home}
    argv = [*site.toolchain.pm2, "reload", str(site.layout.wrapper), "--env", "production"]
    command = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL)
    until(lambda: before != {process.pid for process in site.pm2.processes()})
    command.send_signal(signal.SIGKILL)
    command.wait()
    assert Path(site.home, "reload.lock").read_text(), "PM2's own lock is left behind"
    until(site.pm2.unlisted)
    assert set(site.pm2.unlisted()) < before
    reload = threading.Thread(target=site.pm2.reload, args=["v2", ["SECRET"], 0.1, site.notes.append])
    reload.start()
    until(lambda: "waiting for an earlier reload to end" in site.notes)
    assert "PM2 has started v2" not in site.notes
    go.touch()
    reload.join()
    site.prove("v2", since)
    assert runs(site) == {"v2"}


def test_only_a_reload_by_our_own_pm2_is_ended(site):
    """Another container may see the same path by another name, and its processes are seen from here."""
    words = ("tail", "-f", "/dev/null", "startOrReload", str(site.layout.wrapper))
    foreign, ours = site.start(*words, PM2_HOME="/elsewhere"), site.start(*words, PM2_HOME=site.home)
    until(lambda: set(words) <= set(proc.arguments(foreign.pid)) & set(proc.arguments(ours.pid)))
    assert site.pm2._cli.end_left()
    assert ours.wait(10) == -signal.SIGKILL
    assert foreign.poll() is None
    assert not site.pm2._cli.end_left()


def test_a_daemon_whose_socket_hangs(site):
    """When the socket does not answer, the command is asked; when that does not either, it is said."""
    site.release("v1")
    site.reload("v1")
    daemon = site.pm2.daemon()
    jlist = site.pm2._cli.jlist()
    assert {entry["name"] for entry in jlist} == {"app"}
    os.kill(daemon, signal.SIGSTOP)
    try:
        assert site.pm2.daemon() == daemon
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("turnout_host.processes.listing.PATIENCE", 0.2)
            patch.setattr(site.pm2._cli, "jlist", lambda: jlist)
            assert len(site.pm2.processes()) == 2
    finally:
        os.kill(daemon, signal.SIGCONT)


def test_restart_of_the_daemon(site):
    """Another daemon runs the same apps afterwards."""
    site.release("v1")
    site.reload("v1")
    before = site.pm2.daemon()
    site.pm2.restart_daemon()
    assert site.pm2.daemon() not in (0, before)
    until(lambda: len([process for process in site.pm2.processes() if process.status == "online"]) == 2)
    assert site.prove("v1", 0.0).pids


@pytest.mark.parametrize("saved", [True, False])
def test_after_a_boot(site, saved):
    """A killed daemon takes all apps with it; they come back, from PM2's dump or from our wrapper alone."""
    site.release("v1")
    site.reload("v1")
    site.pm2.start_after_boot()
    if saved:
        site.pm2.save()
    daemon, workers = site.pm2.daemon(), [process.pid for process in site.pm2.processes()]
    os.kill(daemon, signal.SIGKILL)
    until(lambda: not any(map(proc.alive, [daemon, *workers])))
    assert site.pm2.processes() == []
    site.pm2.start_after_boot()
    assert site.prove("v1", 0.0).by == "answer"
    assert "from-the-" not in stored(site)


@pytest.mark.parametrize("act", ["reload", "restart_daemon"])
def test_other_apps_in_the_dump_survive_a_fresh_daemon(site, act):
    """After `pm2 kill` or a crash the dump is all that knows of the other apps, and our save writes over it."""
    (site.root / "mail.js").write_text("setInterval(() => {}, 1000)")
    site.release("v1")
    site.reload("v1")
    site.hand("start", "mail.js")
    site.pm2.save()
    site.hand("kill")
    assert site.pm2.daemon() == 0
    since = proc.now()
    if act == "reload":
        since = site.reload("v1")
    else:
        site.pm2.restart_daemon()
    site.prove("v1", since)
    assert {entry["name"] for entry in site.pm2._raw()} == {"app", "mail"}
    site.pm2.save()
    names = [entry["name"] for entry in json.loads(Path(site.home, "dump.pm2").read_text())]
    assert sorted(names) == ["app", "app", "mail"]


def test_a_daemon_that_lost_its_socket_is_not_doubled(site):
    """It still runs all apps; a second one with the same list would fight with it for every port."""
    site.release("v1")
    site.reload("v1")
    site.pm2.save()
    daemon = site.pm2.daemon()
    hidden = Path(site.home, "rpc.sock").rename(Path(site.home, "hidden.sock"))
    try:
        assert (site.pm2.daemon(), site.pm2._resurrect([])) == (0, [])
    finally:
        hidden.rename(Path(site.home, "rpc.sock"))
    assert site.pm2.daemon() == daemon


def test_the_tail_is_what_was_written_since(site):
    """Lines of earlier releases are not shown as the reason of this one."""
    site.release("v1")
    (site.layout.logs / "err.log").write_text("an old story\n")
    site.reload("v1")
    assert site.pm2.tail() == []
    with Path(site.layout.logs, "err.log").open("a") as log:
        log.write("boom\n")
    assert site.pm2.tail() == ["boom"]
    (site.layout.logs / "err.log").write_text("new\n")  # a rotation
    assert PM2(site.layout, site.settings, site.toolchain, site.home).tail() == ["new"]


def test_no_pm2_at_all(site):
    """A PM2 that cannot be run is an error, never a success."""
    site.release("v1")
    site.point("v1")
    site.toolchain.__class__ = type("Broken", (type(site.toolchain),), {"pm2": ["/no/such/pm2"]})
    with pytest.raises(HostError, match="PM2 could not be run"):
        site.pm2.reload("v1", [], 0.1, site.notes.append)


@pytest.mark.parametrize(
    "env, found",
    [
        ({"env": {"A": "1", "b": "2"}}, {"A", "b"}),
        ({"A": "1"}, {"A"}),  # an earlier start's, which a reload leaves there
        ({"name": "x"}, set()),  # PM2's own field
        ({}, set()),
    ],
)
def test_what_pm2_holds(env, found):
    """Values sit in `env`, or beside PM2's own lower-case fields."""
    assert held({"pm2_env": env}, ["A", "b", "name"]) == found


def test_half_an_entry():
    """Between restarts PM2 leaves fields out (FACTS); that is no reason to fail."""
    process = parsed({"name": "x", "pm_id": 3})
    assert (process.pid, process.status, process.restarts, process.uptime) == (None, "unknown", 0, 0.0)
