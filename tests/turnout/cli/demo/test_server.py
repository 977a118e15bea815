from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.support.processes import gone
from turnout.cli.demo.server import DemoServer


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[DemoServer]:
    started = DemoServer(tmp_path, {"COLOUR": "blue"})
    await started.start()
    yield started
    await started.close()


async def connect(server: DemoServer, **more: Any) -> asyncssh.SSHClientConnection:
    arguments = {
        "port": server.port,
        "username": "demo",
        "client_keys": [asyncssh.import_private_key(server.key.reveal())],
        "known_hosts": server.known_hosts.encode(),
        "agent_path": None,
        "config": None,
    }
    return await asyncssh.connect("127.0.0.1", **(arguments | more))


async def test_a_command_runs_with_pipes_and_a_small_environment(server: DemoServer, tmp_path: Path) -> None:
    """Input, both outputs and the exit status come through; nothing of the caller's environment does."""
    async with await connect(server) as connection:
        done = await connection.run(
            'cat; echo "$HOME $COLOUR" $(pwd); echo oops >&2; exit 7', input="hello\n"
        )
        assert done.stdout == f"hello\n{tmp_path} blue {tmp_path}\n"
        assert (done.stderr, done.exit_status) == ("oops\n", 7)
        names = {line.partition("=")[0] for line in str((await connection.run("env")).stdout).splitlines()}
    assert names <= {"HOME", "USER", "LOGNAME", "SHELL", "LANG", "PATH", "COLOUR", "PWD", "SHLVL", "_"}


async def test_bytes_come_through_as_they_are(server: DemoServer) -> None:
    """Frames are no text; a megabyte of anything arrives whole."""
    data = os.urandom(1 << 20)
    async with await connect(server) as connection:
        assert (await connection.run("cat", input=data, encoding=None)).stdout == data


async def test_only_its_own_key_may_log_in(server: DemoServer) -> None:
    """It listens on loopback, where others are, too."""
    with pytest.raises(asyncssh.PermissionDenied):
        await connect(server, client_keys=[asyncssh.generate_private_key("ssh-ed25519")])


async def test_a_lost_connection_closes_the_pipes_and_nothing_else(
    server: DemoServer, tmp_path: Path
) -> None:
    """What runs goes on and may finish, as with sshd (FACTS)."""
    connection = await connect(server)
    process = await connection.create_process("echo begun; cat; echo finished > end")
    assert await process.stdout.readline() == "begun\n"
    sessions = list(server._sessions.values())
    connection.abort()
    await sessions[0].wait()
    assert (tmp_path / "end").read_text() == "finished\n"


async def test_close_leaves_no_process(server: DemoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that does not end by itself is killed with its children."""
    monkeypatch.setattr("turnout.cli.demo.server.ENDING", 0.1)
    connection = await connect(server)
    process = await connection.create_process("sleep 1000 & echo $!; wait")
    pid = int(await process.stdout.readline())
    await server.close()
    await gone(pid)
    connection.abort()
    await connection.wait_closed()


async def test_a_port_may_be_chosen(tmp_path: Path, server: DemoServer) -> None:
    """`--keep` may start again where it was."""
    again = DemoServer(tmp_path)
    await server.close()
    await again.start(server.port)
    assert again.port == server.port
    await again.close()
