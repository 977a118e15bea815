from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.turnout_host.site import Site, until
from turnout_host import children, proc
from turnout_host.errors import HostError, Unhealthy
from turnout_host.rehearsal import rehearse


@pytest.fixture
def rehearsed(site) -> Iterator[Callable[..., dict[str, Any]]]:
    def run(name: str = "v1", **health: Any) -> dict[str, Any]:
        values = {**site.health, **health}
        return rehearse(
            site.layout,
            name,
            f"{name}-0",
            site.toolchain,
            site.settings,
            values,
            {"SECRET": "x"},
            site.notes.append,
        )

    yield run
    assert children._running == {}
    assert list(site.layout.tmp.iterdir()) == []
    assert list(site.layout.logs.iterdir()) == [], "its output stays out of shared/logs"
    assert site.pm2.daemon() == 0


def processes_of(site: Site) -> list[int]:
    return [pid for pid in proc.pids() if (proc.cwd(pid) or "").startswith(str(site.root))]


def test_a_good_release(site, rehearsed):
    """It boots on a spare port with the real dotenv, is judged by its answers, and is gone afterwards."""
    folder = site.release("v1")
    (folder / "server.js").write_text((folder / "server.js").read_text() + SAYS)
    found = rehearsed()
    assert found["proof"] == "answer"
    assert 0 < found["boot_seconds"] <= found["seconds"]
    said = (folder / "said").read_text().split(",")
    assert said[0] not in ("", str(site.port))
    assert said[1:] == ["from-the-dotenv", "production", "1", str(folder)]
    assert processes_of(site) == []


SAYS = """
const { SECRET, NODE_ENV, TURNOUT_REHEARSAL } = process.env;
require('fs').writeFileSync('said', [port, SECRET, NODE_ENV, TURNOUT_REHEARSAL, process.cwd()].join());
"""


def test_an_app_that_does_not_say_who_it_is(site, rehearsed):
    """Then the proof is the process."""
    site.release("v1", mode="anonymous")
    assert rehearsed()["proof"] == "process"


@pytest.mark.parametrize(
    "mode, period, reason, tail",
    [
        ("crash", 3600, "it ended while it booted (exit status 1)", "Error: cannot find the database"),
        ("silent", 1, "no good answer within 1 s: the connection was refused", "booting v1"),
        ("500", 3600, "status 500 (5 times in a row)", "booting v1"),
        ("liar", 3600, "it answers as release v0, not v1 (5 times in a row)", "booting v1"),
        ("flaps", 3, "it answers now well, now not within 3 s", "booting v1"),
    ],
)
def test_a_bad_release(site, rehearsed, mode, period, reason, tail):
    """Each kind of bad release is refused with its reason and the last lines that it wrote."""
    site.release("v1", mode=mode)
    with pytest.raises(Unhealthy) as caught:
        rehearsed(start_period=period)
    assert reason in caught.value.detail["reason"]
    assert any(tail in line for line in caught.value.detail["tail"])
    assert "remedy" not in caught.value.detail
    assert processes_of(site) == []


def test_the_real_port_is_taken(site, rehearsed):
    """An app that does not read PORT meets the running release on the real port, and is told so by name."""
    site.release("v1", mode="stubborn")
    site.start(site.toolchain.node, str(site.layout.release("v1") / "server.js"))
    until(lambda: site.probe().ask().ok)
    with pytest.raises(Unhealthy, match=r"does not take the spare port .* from PORT") as caught:
        rehearsed()
    assert any("rehearse = false" in line for line in caught.value.detail["remedy"])
    assert site.probe().ask().ok, "the running release was not touched"


def test_it_sits_on_the_real_port(site, rehearsed):
    """On a first deploy nobody holds the real port: an app that takes it is not waited for until start_period."""
    site.release("v1", mode="stubborn")
    with pytest.raises(Unhealthy, match=f"it listens on port {site.port}: it does not take the spare port"):
        rehearsed(start_period=3600)


def test_it_listens_somewhere_else(site, rehearsed):
    """An app on a third port is named when start_period is over."""
    site.release("v1", mode="stubborn", extra="{}")
    with pytest.raises(Unhealthy, match=r"it listens on port .* does not take the spare port"):
        rehearsed(start_period=0.7, port=1)


def test_wait_ready(site, rehearsed):
    """An app that tells PM2 it is ready finds a channel to tell it to."""
    site.release("v1", extra="{ wait_ready: true }", ready="/")
    assert rehearsed()["proof"] == "answer"


def test_a_server_that_is_a_child(site, rehearsed):
    """A script that starts the server is fine, and both are ended."""
    folder = site.release("v1", extra="{ script: './start.sh', instances: 1, exec_mode: 'fork' }")
    (folder / "start.sh").write_text("node server.js & wait\n")
    assert rehearsed()["proof"] == "answer"
    until(lambda: processes_of(site) == [])


def test_it_does_not_want_to_end(site, rehearsed):
    """After drain_timeout it is killed, with everything that it started."""
    folder = site.release("v1", extra="{ script: './deaf.js' }")
    (folder / "deaf.js").write_text(
        "require('child_process').spawn('sleep', ['60']); require('./server.js');"
        "process.removeAllListeners('SIGINT'); process.on('SIGINT', () => {});"
    )
    site.settings["drain_timeout"] = 0.2
    assert rehearsed()["proof"] == "answer"
    until(lambda: processes_of(site) == [])


def test_a_script_that_is_not_there(site, rehearsed):
    """It is said before anything is started."""
    site.release("v1", extra="{ script: './dist/none.js' }")
    with pytest.raises(HostError, match=r"the script of app is not there: \./dist/none\.js"):
        rehearsed()


def test_a_killed_process_names_its_signal(site, rehearsed):
    """Killed by the kernel for its memory, for instance."""
    folder = site.release("v1")
    (folder / "server.js").write_text("process.kill(process.pid, 'SIGKILL')")
    with pytest.raises(Unhealthy, match="signal SIGKILL"):
        rehearsed()


def test_nothing_of_our_environment_reaches_it(site, rehearsed, monkeypatch):
    """The SSH session's variables are not the app's."""
    monkeypatch.setenv("VPS_SSH_KEY", "s3cr3t")
    folder = site.release("v1")
    (folder / "server.js").write_text(
        "require('fs').writeFileSync('env', JSON.stringify(process.env));"
        + (folder / "server.js").read_text()
    )
    rehearsed()
    assert "s3cr3t" not in (folder / "env").read_text()


HOST_PROGRAM = """
import json, os, sys, threading
sys.path.insert(0, sys.argv[1])
from turnout_host import children, rehearsal
from turnout_host.layout import Layout
from turnout_host.toolchain import Toolchain
layout = Layout(sys.argv[2])
health, settings = json.loads(sys.argv[3]), json.loads(sys.argv[4])
toolchain = Toolchain(layout, None, None, os.environ["PATH"])
run = lambda: rehearsal.rehearse(layout, "v1", "v1-0", toolchain, settings, health, {}, print)
threading.Thread(target=run, daemon=True).start()
sys.stdin.read()
children.end_all()
os._exit(0)
"""


def test_the_deployer_goes_away(site):
    """When the host program is killed in a rehearsal, `children.end_all` has the app's group to end."""
    site.release("v1", mode="silent")
    root = str(Path(__file__).parents[2])
    argv = [sys.executable, "-c", HOST_PROGRAM, f"{root}/src", str(site.layout.path)]
    argv += [json.dumps(site.health), json.dumps(site.settings)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    until(lambda: [pid for pid in processes_of(site) if "server.js" in proc.cmdline(pid)])
    process.stdin.close()
    process.wait(20)
    until(lambda: processes_of(site) == [])
    assert process.returncode != -signal.SIGKILL
