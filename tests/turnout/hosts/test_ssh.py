from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from tests.support.proxy import Proxy
from turnout.cli.demo.server import DemoServer
from turnout.errors import HostKeyError, LoginError, SurveyRefused, Unreachable, UsageError
from turnout.hosts import ssh, transport
from turnout.hosts.client import HostClient, Pace
from turnout.hosts.frames import PIECE
from turnout.hosts.known_hosts import fingerprint, trust
from turnout.hosts.ssh import SSHTransport, fetch_key
from turnout.hosts.zipapp import Zipapp
from turnout.model import Address, Secret

QUICK = Pace(ping=0.02, silence=1.0)
OTHER = asyncssh.generate_private_key("ssh-ed25519")


def text(key: asyncssh.SSHKey) -> Secret:
    return Secret(key.export_private_key("openssh").decode())


def line(key: asyncssh.SSHKey, port: int, marker: str = "") -> str:
    return f"{marker}[127.0.0.1]:{port} {key.export_public_key('openssh').decode().strip()}\n"


@pytest.fixture
async def server(home: Path, program: Zipapp) -> AsyncIterator[DemoServer]:
    started = DemoServer(home)
    await started.start()
    yield started
    await started.close()


def way(server: DemoServer) -> SSHTransport:
    return SSHTransport(server.address, server.key, server.known_hosts)


async def test_calls_and_uploads_work_over_ssh(server: DemoServer, tmp_path: Path) -> None:
    """The same client, another transport; nothing is left when it is closed."""
    async with await HostClient.open(
        transport(server.address, server.key, server.known_hosts), str(tmp_path)
    ) as client:
        assert await client.call("echo", a=1) == {"a": 1}
        answer = await client.upload(iter([os.urandom(PIECE * 20)]), "zlib")
        assert answer["bytes"] == PIECE * 20
    assert not Path(f"/proc/{client.hello['pid']}").exists()


async def test_what_a_login_prints_does_no_harm(server: DemoServer, tmp_path: Path) -> None:
    """Noise goes before the first frame (FACTS)."""
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(
        '#!/bin/sh\necho Welcome to this server; echo beware >&2\nexec /usr/bin/env -i /usr/bin/python3 "$@"\n'
    )
    python.chmod(0o755)
    server._env["PATH"] = f"{python.parent}:{server._env['PATH']}"
    async with await HostClient.open(way(server), str(tmp_path / "app")) as client:
        assert await client.call("echo", a=1) == {"a": 1}


async def test_a_host_without_python_is_refused_with_the_command_to_type(
    server: DemoServer, tmp_path: Path
) -> None:
    """The shell's own words, and apt."""
    server._env["PATH"] = str(tmp_path)
    with pytest.raises(SurveyRefused, match="no python3") as caught:
        await HostClient.open(way(server), str(tmp_path / "app"))
    assert caught.value.remedy == [f"ssh -p {server.port} -t demo@127.0.0.1 sudo apt install python3"]


async def test_a_cut_link_is_noticed_and_the_host_program_ends(server: DemoServer, tmp_path: Path) -> None:
    """Calls that wait are told at once; the far end finds the end of its input."""
    async with Proxy(server.port) as proxy:
        known = server.known_hosts.replace(str(server.port), str(proxy.port))
        client = await HostClient.open(
            SSHTransport(Address("127.0.0.1", "demo", proxy.port), server.key, known), str(tmp_path)
        )
        waiting = asyncio.create_task(client.call("mute"))
        await client.call("echo")
        (child,) = server._sessions.values()
        proxy.cut()
        with pytest.raises(Unreachable, match="was lost"):
            await waiting
        await child.wait()
        await client.close()


async def test_a_pulled_cable_is_noticed(server: DemoServer, tmp_path: Path) -> None:
    """Nothing arrives and nothing is refused: only the missing pongs tell. Closing takes its time, but ends."""
    async with Proxy(server.port) as proxy:
        known = server.known_hosts.replace(str(server.port), str(proxy.port))
        host = Address("127.0.0.1", "demo", proxy.port)
        client = await HostClient.open(SSHTransport(host, server.key, known), str(tmp_path), QUICK)
        waiting = asyncio.create_task(client.upload(iter(lambda: bytes(PIECE), b""), "zlib"))
        proxy.freeze()
        with pytest.raises(Unreachable, match="was lost") as caught:
            await waiting
        assert "no answer" in caught.value.why[0]
        await client.close()


async def test_ssh_itself_notices_a_pulled_cable(
    server: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keepalive is off in asyncssh unless it is set (FACTS)."""
    monkeypatch.setitem(ssh.STRICT, "keepalive_interval", 0.05)
    async with Proxy(server.port) as proxy:
        known = server.known_hosts.replace(str(server.port), str(proxy.port))
        host = Address("127.0.0.1", "demo", proxy.port)
        client = await HostClient.open(
            SSHTransport(host, server.key, known), str(tmp_path), Pace(ping=60, silence=600, opening=600)
        )
        proxy.freeze()
        with pytest.raises(Unreachable) as caught:
            await client.call("echo")
        assert "keepalive" in caught.value.why[0]
        await client.close()


async def test_an_unknown_host_key_is_refused_with_its_fingerprint(server: DemoServer) -> None:
    """And with the way to compare and to trust it."""
    with pytest.raises(HostKeyError, match="is not known") as caught:
        await SSHTransport(server.address, server.key, "").open()
    assert caught.value.why == [f"presented: ssh-ed25519 {fingerprint(server._host_key)}", "known: none"]
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in caught.value.remedy
    assert server.known_hosts.strip() in caught.value.remedy[-1]


async def test_a_changed_host_key_is_refused_with_both_fingerprints(server: DemoServer) -> None:
    """The known one and the presented one."""
    with pytest.raises(HostKeyError, match="CHANGED") as caught:
        await SSHTransport(server.address, server.key, line(OTHER, server.port)).open()
    assert fingerprint(server._host_key) in caught.value.why[0]
    assert fingerprint(OTHER) in caught.value.why[1]


async def test_a_host_key_of_another_type_is_a_changed_one(server: DemoServer) -> None:
    """A server that no longer has the known type does not end in a quarrel about algorithms."""
    known = line(asyncssh.generate_private_key("ecdsa-sha2-nistp256"), server.port)
    with pytest.raises(HostKeyError, match="CHANGED"):
        await SSHTransport(server.address, server.key, known).open()


async def test_a_revoked_host_key_is_refused(server: DemoServer) -> None:
    """Also when another line trusts it."""
    known = server.known_hosts + line(server._host_key, server.port, "@revoked ")
    with pytest.raises(HostKeyError, match="revoked") as caught:
        await SSHTransport(server.address, server.key, known).open()
    assert fingerprint(server._host_key) in caught.value.why[0]


async def test_a_server_with_several_keys_shows_the_known_one(home: Path, server: DemoServer) -> None:
    """Even if asyncssh would rather have the other."""
    known = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    server._acceptor.update(server_host_keys=[OTHER, known])  # type: ignore[union-attr]
    link = await SSHTransport(server.address, server.key, line(known, server.port)).open()
    await link.close()


async def test_a_host_certificate_is_accepted(server: DemoServer) -> None:
    """@cert-authority, for those who run many servers."""
    authority, key = (
        asyncssh.generate_private_key("ssh-ed25519"),
        asyncssh.generate_private_key("ssh-ed25519"),
    )
    certificate = authority.generate_host_certificate(key, "vps", principals=["127.0.0.1"])
    server._acceptor.update(server_host_keys=[(key, certificate)])  # type: ignore[union-attr]
    link = await SSHTransport(
        server.address, server.key, line(authority, server.port, "@cert-authority ")
    ).open()
    await link.close()


async def test_trust_makes_an_unknown_host_known(server: DemoServer, home: Path) -> None:
    """What `turnout host trust` does: fetch, show, write; afterwards the host is let in."""
    name, port, key = await fetch_key(server.address)
    assert fingerprint(key) == fingerprint(server._host_key)
    trust(name, port, key)
    link = await SSHTransport(server.address, server.key).open()
    await link.close()


async def test_a_wrong_key_is_a_refused_login(server: DemoServer) -> None:
    """It names the account, the key, and the line to add on the host; never the key itself."""
    with pytest.raises(LoginError, match=r"demo@127\.0\.0\.1") as caught:
        await SSHTransport(server.address, text(OTHER), server.known_hosts).open()
    assert fingerprint(OTHER) in caught.value.why[0]
    assert OTHER.export_public_key("openssh").decode().split()[1] in caught.value.remedy[0]
    assert "PRIVATE" not in repr(vars(caught.value))


async def test_without_any_key_the_way_to_one_is_shown(server: DemoServer, home: Path) -> None:
    """No agent, no file: ssh-keygen first."""
    with pytest.raises(LoginError) as caught:
        await SSHTransport(server.address, known_hosts=server.known_hosts).open()
    assert caught.value.why == ["there was no key to try"]
    assert caught.value.remedy == ["ssh-keygen -t ed25519", f"ssh-copy-id -p {server.port} demo@127.0.0.1"]


async def test_default_keys_are_tried(server: DemoServer, home: Path) -> None:
    """As ssh does."""
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ed25519").write_text(server.key.reveal())
    (home / ".ssh" / "id_ed25519").chmod(0o600)
    link = await SSHTransport(server.address, known_hosts=server.known_hosts).open()
    await link.close()


async def test_the_ssh_config_is_honoured(server: DemoServer, home: Path) -> None:
    """An alias with host name, port, user and key file, as people have them."""
    folder = home / ".ssh"
    folder.mkdir()
    (folder / "deploy").write_text(server.key.reveal())
    (folder / "deploy").chmod(0o600)
    (folder / "config").write_text(
        f"Host vps\n  HostName 127.0.0.1\n  Port {server.port}\n  User demo\n  IdentityFile {folder}/deploy\n"
        f"  UserKnownHostsFile {folder}/mine\n  RemoteCommand date\n  RequestTTY force\n"
    )
    (folder / "mine").write_text(server.known_hosts)
    async with await HostClient.open(SSHTransport(Address.parse("vps")), str(home / "app")) as client:
        assert await client.call("echo", a=1) == {"a": 1}


async def test_a_given_key_is_the_only_one_tried(server: DemoServer, home: Path) -> None:
    """VPS_SSH_KEY replaces files and agent: a wrong one is refused, though a good file is there."""
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ed25519").write_text(server.key.reveal())
    (home / ".ssh" / "id_ed25519").chmod(0o600)
    with pytest.raises(LoginError) as caught:
        await SSHTransport(server.address, text(OTHER), server.known_hosts).open()
    assert len(caught.value.why) == 1


async def test_an_unreadable_config_is_named(home: Path) -> None:
    """A mistake in ~/.ssh/config is the user's to mend."""
    (home / ".ssh").mkdir()
    (home / ".ssh" / "config").write_text("Host *\n  Port many\n")
    with pytest.raises(UsageError) as caught:
        await SSHTransport(Address.parse("a@127.0.0.1")).open()
    assert caught.value.where == "~/.ssh/config"


async def test_a_port_where_nothing_listens_is_unreachable(home: Path) -> None:
    """Refused is told apart from silent."""
    async with Proxy(1) as proxy:
        port = proxy.port
    with pytest.raises(Unreachable) as caught:
        await SSHTransport(Address("127.0.0.1", "a", port)).open()
    assert caught.value.why == ["nothing listens on its port"]


@contextlib.asynccontextmanager
async def saying(words: bytes, then_close: bool) -> AsyncIterator[int]:
    """A TCP server that says this, and closes or waits."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        if not then_close:
            with contextlib.suppress(OSError):
                await reader.read()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize(
    "words, then_close, reason",
    [
        pytest.param(b"", False, "accepts connections but does not answer", id="silent"),
        pytest.param(
            b"SSH-2.0-OpenSSH_9.2\r\n",
            False,
            "accepts connections but does not answer",
            id="silent after the banner",
        ),
        pytest.param(b"", True, "closed", id="closes at once"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", True, "", id="a web server"),
    ],
)
async def test_what_is_no_ssh_server_is_unreachable(
    words: bytes, then_close: bool, reason: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the time for connecting, with the reason."""
    monkeypatch.setattr(ssh, "CONNECT", 0.3)
    async with saying(words, then_close) as port:
        address = Address("127.0.0.1", "a", port)
        with pytest.raises(Unreachable) as caught:
            await SSHTransport(address).open()
        assert reason in caught.value.why[0]
        with pytest.raises(Unreachable):
            await fetch_key(address)


async def test_a_name_that_does_not_exist_is_unreachable(home: Path) -> None:
    """With the hint that it may be misspelt."""
    with pytest.raises(Unreachable) as caught:
        await SSHTransport(Address("no-such-host.invalid", "a")).open()
    assert caught.value.why == ["its name is not known"]


def test_connecting_and_starting_stay_within_the_15_s_of_unreachable() -> None:
    """The numbers agree with each other."""
    assert ssh.CONNECT < Pace().opening <= 15
    assert ssh.STRICT["keepalive_interval"] * (ssh.STRICT["keepalive_count_max"] + 1) <= 15
