from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.turnout_host.site import until
from turnout_host import proc


@pytest.fixture
def run() -> Iterator:
    started: list[subprocess.Popen] = []

    def start(code: str, **popen) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **popen
        )
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


READY = "import sys, time; print('ready', flush=True); sys.stdin.read()"
LISTEN = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print("ready", server.getsockname()[1], sep="\\n", flush=True)
sys.stdin.read()
"""


def test_start_time_is_on_the_clock_of_now(run):
    """A process started after a moment has a later start time than the moment, to a tick."""
    before = proc.now()
    process = run(READY)
    assert before - 2 * proc.TICK <= proc.started(process.pid) <= proc.now()


def test_a_name_with_parentheses_does_not_shift_the_fields(run, tmp_path):
    """The name in /proc/PID/stat may hold `) S 1`, which must not be taken for fields."""
    trick = tmp_path / "a) Z 1 (b"
    shutil.copy(shutil.which("sleep"), trick)
    process = subprocess.Popen([trick, "60"])
    try:
        assert proc.alive(process.pid)
        assert proc.parent(process.pid) == os.getpid()
        assert proc.started(process.pid) > 1
    finally:
        process.kill()
        process.wait()


def test_a_zombie_is_not_alive(run):
    """A process that ended and was not waited for has a pid, but does not run."""
    process = run(READY)
    assert proc.alive(process.pid)
    process.kill()
    until(lambda: not proc.alive(process.pid))
    assert Path(f"/proc/{process.pid}").exists()
    process.wait()
    assert not proc.alive(process.pid)
    assert proc.started(process.pid) == 0.0
    assert proc.cwd(process.pid) is None


def test_cwd_is_the_real_path(run, tmp_path):
    """A process started through a link works in what the link led to, also after the link moved."""
    (tmp_path / "v1").mkdir()
    (tmp_path / "current").symlink_to(tmp_path / "v1")
    process = run(READY, cwd=tmp_path / "current")
    assert proc.cwd(process.pid) == str(tmp_path / "v1")


def test_ports_of_descendants_count(run):
    """What a child listens on is found at its parent, and the owner of the port is named."""
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LISTEN!r}])"
    process = run(code)
    port = int(process.stdout.readline())
    assert proc.listening(process.pid) == [port]
    pid, words = proc.owner(port)
    assert pid in proc.family(process.pid) - {process.pid}
    assert process.pid in proc.ancestors(pid)
    assert "create_server" in words


def test_a_free_port_has_no_owner():
    """Nobody owns a port that was just given back, nor one that somebody merely connected from."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert proc.owners(client.getsockname()[1]) == []
        assert os.getpid() in proc.owners(port)
    assert proc.owner(port) is None


def test_names_but_no_values_of_an_environment(run):
    """environ_keys tells names only."""
    process = run(READY, env={"SECRET": "s3cr3t", "PATH": "/bin"})
    assert proc.environ_keys(process.pid) >= {"SECRET", "PATH"}
    assert "s3cr3t" not in str(proc.environ_keys(process.pid))


def test_boot_id_stays():
    """The boot id is the same as long as the machine runs."""
    assert proc.boot_id() == proc.boot_id() != ""
