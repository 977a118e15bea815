"""The link with a real OpenSSH server, real keys and a real shell; the host program is the real one, too."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import gone
from tests.support.proxy import Proxy
from tests.support.sshd import RealSshd, make_key
from turnout.errors import HostKeyError, LoginError, SurveyRefused, Unreachable, UsageError
from turnout.hosts.client import HostClient
from turnout.hosts.known_hosts import fingerprint, trust
from turnout.hosts.ssh import SSHTransport, fetch_key
from turnout.model import Address, Secret

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSshd]:
    server = RealSshd(tmp_path_factory.mktemp("sshd"), bashrc="echo Welcome; echo careful >&2\n")
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The deployer's home: empty."""
    home = tmp_path / "deployer"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


def way(sshd: RealSshd) -> SSHTransport:
    return SSHTransport(sshd.address, sshd.key, sshd.host_key_line)


async def test_the_host_program_answers_in_spite_of_a_noisy_bashrc(sshd: RealSshd, tmp_path: Path) -> None:
    """It is sent once; the second time its digest is enough. The session's home is the server's own."""
    sent = []
    for _ in range(2):
        async with await HostClient.open(way(sshd), str(tmp_path / "app")) as client:
            assert client.hello["protocol"] == 1
            assert (await client.call("state"))["current_kind"] == "missing"
            assert (await client.call("facts"))["home"] == str(sshd.home)
            sent.append(client.bytes_sent)
    assert sent[1] < 1000 < sent[0]
    assert client._wire.noise == b"Welcome\n"
    assert "careful" in client._link.stderr_tail()
    assert not Path(f"/proc/{client.hello['pid']}").exists()


async def test_a_cut_link_ends_the_host_program(sshd: RealSshd, tmp_path: Path) -> None:
    """The server closes the pipes, and the host program sees the end of its input."""
    async with Proxy(sshd.port) as proxy:
        known = sshd.host_key_line.replace(str(sshd.port), str(proxy.port))
        host = Address("127.0.0.1", sshd.user, proxy.port)
        client = await HostClient.open(SSHTransport(host, sshd.key, known), str(tmp_path / "app"))
        proxy.cut()
        with pytest.raises(Unreachable):
            await client.call("state")
        await gone(client.hello["pid"])
        await client.close()


async def test_trust_then_change_then_trust_again(tmp_path: Path) -> None:
    """Unknown, trusted, set up anew: the user's own known_hosts tells, and OpenSSH agrees with what was written."""
    server = RealSshd(tmp_path / "sshd")
    try:
        way = SSHTransport(server.address, server.key)
        with pytest.raises(HostKeyError, match="is not known") as caught:
            await way.open()
        assert caught.value.remedy[-1].endswith("turnout host trust ENV")
        file = trust(*await fetch_key(server.address))
        await (await way.open()).close()
        command = ["ssh", "-F", "none", "-i", str(server.client_key), "-o", f"UserKnownHostsFile={file}"]
        command += ["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-p", str(server.port)]
        subprocess.run([*command, f"{server.user}@127.0.0.1", "true"], check=True)

        server.new_host_key()
        with pytest.raises(HostKeyError, match="CHANGED") as caught:
            await way.open()
        assert caught.value.remedy[-1].endswith("turnout host trust ENV --replace")
        shown = subprocess.run(
            ["ssh-keygen", "-lf", str(server.folder / "host_key.pub")],
            check=True,
            capture_output=True,
            text=True,
        )
        assert shown.stdout.split()[1] in caught.value.why[0]

        name, port, key = await fetch_key(server.address)
        assert fingerprint(key) == shown.stdout.split()[1]
        with pytest.raises(HostKeyError, match="another key"):
            trust(name, port, key)
        trust(name, port, key, replace=True)
        await (await way.open()).close()
        assert len(file.read_text().splitlines()) == 1
    finally:
        server.stop()


async def test_a_wrong_key_is_a_refused_login(sshd: RealSshd, tmp_path: Path) -> None:
    """22, with the fingerprint that ssh-keygen shows."""
    make_key(tmp_path / "other")
    with pytest.raises(LoginError) as caught:
        await SSHTransport(sshd.address, Secret((tmp_path / "other").read_text()), sshd.host_key_line).open()
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(tmp_path / "other")], check=True, capture_output=True, text=True
    )
    assert shown.stdout.split()[1] in caught.value.why[0]


async def test_an_agent_with_too_many_keys_is_a_refused_login(
    sshd: RealSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSH hangs up after MaxAuthTries; that is no lost connection. All keys are named."""
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.PIPE)
    try:
        assert agent.stdout
        agent.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        for number in range(8):
            make_key(tmp_path / f"key{number}")
            subprocess.run(["ssh-add", "-q", str(tmp_path / f"key{number}")], check=True)
        with pytest.raises(LoginError) as caught:
            await SSHTransport(sshd.address, known_hosts=sshd.host_key_line).open()
        assert sum("(key" in line and "agent" in line for line in caught.value.why) == 8
        assert "too many" in caught.value.why[-1]
    finally:
        agent.terminate()
        agent.wait()
        agent.stdout.close()  # type: ignore[union-attr]


async def test_an_agent_is_used(sshd: RealSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key may live in the agent alone; a given key (VPS_SSH_KEY) keeps the agent out."""
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.PIPE)
    try:
        assert agent.stdout
        agent.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        subprocess.run(["ssh-add", "-q", str(sshd.client_key)], check=True)
        await (await SSHTransport(sshd.address, known_hosts=sshd.host_key_line).open()).close()
        make_key(tmp_path / "other")
        given = Secret((tmp_path / "other").read_text())
        with pytest.raises(LoginError):
            await SSHTransport(sshd.address, given, sshd.host_key_line).open()
    finally:
        agent.terminate()
        agent.wait()
        agent.stdout.close()  # type: ignore[union-attr]


async def test_a_key_file_with_a_passphrase_is_named(sshd: RealSshd, own_home: Path) -> None:
    """It cannot be tried; ssh-add is what to type."""
    file = own_home / ".ssh" / "id_ed25519"
    file.parent.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(file)], check=True)
    with pytest.raises(LoginError) as caught:
        await SSHTransport(sshd.address, known_hosts=sshd.host_key_line).open()
    assert f"ssh-add {file}" in caught.value.remedy
    assert "passphrase" in caught.value.why[-1]


async def test_a_host_without_python3_is_refused(tmp_path: Path) -> None:
    """What bash says of a missing program becomes the command to type."""
    server = RealSshd(tmp_path / "sshd", env={"PATH": str(tmp_path)})
    try:
        with pytest.raises(SurveyRefused, match="no python3"):
            await HostClient.open(way(server), str(tmp_path / "app"))
    finally:
        server.stop()


async def test_a_wrong_call_leaves_the_link_good(sshd: RealSshd, tmp_path: Path) -> None:
    """An error of one call is an error of that call."""
    async with await HostClient.open(way(sshd), str(tmp_path / "app")) as client:
        with pytest.raises(UsageError):
            await client.call("no such call")
        assert (await client.call("state"))["releases"] == []
