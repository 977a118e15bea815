"""A host that cannot be reached, trusted, logged in to or used: said with its reason, and v1 serves on."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import LIMIT, Run
from tests.support.left import nothing_left
from tests.support.site import Site
from tests.support.sshd import RealSshd, free_port, make_key
from tests.support.told import told

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def untouched(live: Site) -> Iterator[None]:
    """Whatever a test does, v1 serves on with the same processes, and the journal has nothing new of a deployment."""
    pids, entries = {process.pid for process in live.processes()}, len(live.journal())
    yield
    assert live.serving() == {"v1"}
    assert {process.pid for process in live.processes()} == pids
    assert len(live.journal()) == entries
    nothing_left(live)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RealSshd]:
    """Another server, without any program in its PATH."""
    (tmp_path / "bin").mkdir()
    server = RealSshd(tmp_path / "sshd", env={"PATH": str(tmp_path / "bin")})
    try:
        yield server
    finally:
        server.stop()


def fingerprint(public: Path) -> str:
    """`SHA256:…`, as ssh-keygen shows it."""
    argv = ["ssh-keygen", "-lf", str(public)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()[1]


def to(server: RealSshd, **more: str) -> dict[str, str]:
    """Variables that lead a deployment to another server than turnout.toml's."""
    return {
        "VPS_PORT": str(server.port),
        "VPS_KNOWN_HOSTS": server.host_key_line,
        "VPS_SSH_KEY": server.key.reveal(),
        **more,
    }


def test_an_unknown_host_key_is_refused_with_its_fingerprint(live: Site) -> None:
    """21: what the host presents, that nothing is known, and how to trust it."""
    block = told(live.deploy(check=21, VPS_KNOWN_HOSTS=""), 21)

    assert fingerprint(live.sshd.folder / "host_key.pub") in block.why[0]
    assert block.why[1] == "known: none"
    assert str(live.sshd.port) in block.what[0]
    assert any("turnout host trust production" in line for line in block.do)


@pytest.mark.parametrize("where", ["VPS_KNOWN_HOSTS", "known_hosts"])
def test_a_changed_host_key_is_refused_with_both_fingerprints(live: Site, tmp_path: Path, where: str) -> None:
    """21: the known one and the presented one, whether CI's variable or the user's own file knows it."""
    make_key(tmp_path / "old")
    line = f"[127.0.0.1]:{live.sshd.port} {(tmp_path / 'old.pub').read_text()}"
    file = live.home / ".ssh/known_hosts"
    file.parent.mkdir(exist_ok=True)
    file.write_text(line if where == "known_hosts" else "")

    block = told(live.deploy(check=21, VPS_KNOWN_HOSTS=line if where == "VPS_KNOWN_HOSTS" else ""), 21)

    file.unlink()
    assert "CHANGED" in block.what[0]
    presented, known = block.why
    assert presented.startswith("presented: ")
    assert fingerprint(live.sshd.folder / "host_key.pub") in presented
    assert known.startswith("known: ")
    assert fingerprint(tmp_path / "old.pub") in known


def test_a_wrong_key_is_refused_with_the_key_that_was_tried(live: Site, tmp_path: Path) -> None:
    """22: its fingerprint, and the line for authorized_keys that would let it in."""
    make_key(tmp_path / "stranger")

    block = told(live.deploy(check=22, VPS_SSH_KEY=(tmp_path / "stranger").read_text()), 22)

    assert fingerprint(tmp_path / "stranger.pub") in block.why[0]
    kind, key, _ = (tmp_path / "stranger.pub").read_text().split()
    assert f"{kind} {key}" in "\n".join(block.do)


@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_a_port_where_nobody_listens_is_unreachable(live: Site, command: str) -> None:
    """20 at once, with the port."""
    port = str(free_port())

    block = told(live.turnout(command, "--json", check=20, VPS_PORT=port), 20)

    assert port in block.what[0]
    assert "nothing listens" in block.why[0]


def test_a_name_that_does_not_exist_is_unreachable(live: Site) -> None:
    """20: a spelling mistake is thought of first."""
    block = told(live.deploy(check=20, VPS_HOST="no-such-host.invalid"), 20)

    assert "no-such-host.invalid" in block.what[0]


def test_a_host_that_says_nothing_is_given_up(live: Site, other: RealSshd, tmp_path: Path) -> None:
    """20 for a port that accepts and is silent, and for a login whose python3 never answers; both within 15 s."""
    (tmp_path / "bin/python3").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "bin/python3").chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = [
            live.start("deploy", "--json", VPS_PORT=str(silent.getsockname()[1])),
            live.start("deploy", "--json", **to(other)),
        ]
        runs = []
        for process in started:
            out, err = process.communicate(timeout=LIMIT)
            runs.append(Run(("deploy", "--json"), process.returncode, out, err))

    told(runs[0], 20)
    assert "does not answer" in told(runs[1], 20).what[0]
    print(f"\ngiven up after {runs[0].finished['seconds']:.1f} and {runs[1].finished['seconds']:.1f} s")


def test_a_host_without_python3_is_refused_with_what_to_install(live: Site, other: RealSshd) -> None:
    """23: the command to type, with user, host and port."""
    block = told(live.deploy(check=23, **to(other)), 23, "refused")

    assert "no python3" in block.what[0]
    assert block.do == [f"ssh -p {other.port} -t {other.user}@127.0.0.1 sudo apt install python3"]


def test_a_path_that_cannot_be_made_is_refused_by_its_name(
    live: Site, other: RealSshd, tmp_path: Path
) -> None:
    """The host program has nowhere to live: said with the path and the system's own reason."""
    (tmp_path / "bin/python3").symlink_to(str(shutil.which("python3", path=str(live.tools))))
    live.write_toml(bake="0.5s")
    text = (live.repo / "turnout.toml").read_text()
    (live.repo / "turnout.toml").write_text(text.replace(f'path = "{live.path}"', 'path = "/dev/null/app"'))
    try:
        run = live.deploy(check=23, **to(other))
    finally:
        live.write_toml()

    block = told(run, 23, "refused")
    assert "/dev/null" in block.text
