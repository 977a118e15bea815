"""An SSH server in this process that stands in for a VPS: loopback only, one key, commands run by /bin/sh (FACTS)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from turnout.hosts.library import asyncssh
from turnout.model import Address, Secret

USER = "demo"
PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
CHUNK = 1 << 16
ENDING = 3.0
"""Seconds that sessions get to end by themselves when the server closes."""


class DemoServer:
    """Sessions have `home` as HOME and a small environment; `env` adds to it. Close it, or sessions may stay behind.

    `address`, `key` and `known_hosts` are what a deployer needs: the last two as VPS_SSH_KEY and VPS_KNOWN_HOSTS.
    """

    def __init__(self, home: Path, env: Mapping[str, str] | None = None) -> None:
        self.port = 0
        own = {"HOME": str(home), "USER": USER, "LOGNAME": USER, "SHELL": "/bin/sh", "LANG": "C.UTF-8"}
        # last: a machine may have python3 nowhere but where this one runs from
        own["PATH"] = os.pathsep.join([*PATH, str(Path(sys.executable).resolve().parent)])
        self._home, self._env = home, own | dict(env or {})
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._client_key = asyncssh.generate_private_key("ssh-ed25519", comment="turnout demo")
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._sessions: dict[asyncio.Task[None], asyncio.subprocess.Process] = {}

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one, which is then in `port`."""
        public = self._client_key.export_public_key("openssh").decode()
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_host_keys=[self._host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(public),
            server_factory=lambda: _Guest(self._connections),
            process_factory=self._session,
            encoding=None,
            password_auth=False,
            kbdint_auth=False,
            gss_host=None,
        )
        self.port = self._acceptor.get_port()

    @property
    def address(self) -> Address:
        """Where it listens, as the configuration would name it."""
        return Address("127.0.0.1", USER, self.port)

    @property
    def key(self) -> Secret:
        """The private key of the only client that may log in."""
        return Secret(self._client_key.export_private_key("openssh").decode())

    @property
    def known_hosts(self) -> str:
        """The line for known_hosts."""
        return f"[127.0.0.1]:{self.port} {self._host_key.export_public_key('openssh').decode().strip()}\n"

    async def _session(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        (stdin, to_child), (from_out, stdout), (from_err, stderr) = os.pipe(), os.pipe(), os.pipe()
        words = ["/bin/sh", *(["-c", process.command] if process.command else [])]
        child = await asyncio.create_subprocess_exec(
            *words,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=self._home,
            env=self._env,
            start_new_session=True,
        )
        for descriptor in (stdin, stdout, stderr):
            os.close(descriptor)
        task = asyncio.current_task()
        assert task
        self._sessions[task] = child
        incoming = asyncio.create_task(_incoming(process.stdin, to_child))
        # a lost connection closes the pipes and does nothing else, as with sshd (FACTS)
        await asyncio.gather(_outgoing(from_out, process.stdout), _outgoing(from_err, process.stderr))
        status = await child.wait()
        incoming.cancel()
        await asyncio.gather(incoming, return_exceptions=True)
        process.exit(status if status >= 0 else 128 - status)
        await process.wait_closed()
        self._sessions.pop(task, None)

    async def close(self) -> None:
        """Cut all connections, give the sessions a moment to end, and kill what is left of them."""
        if self._acceptor is None:
            return
        self._acceptor.close()
        for connection in list(self._connections):
            connection.abort()
        await self._acceptor.wait_closed()
        sessions = dict(self._sessions)
        if sessions:
            await asyncio.wait(sessions, timeout=ENDING)
        for child in sessions.values():
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
        await asyncio.gather(*sessions, return_exceptions=True)


async def _incoming(source: asyncssh.SSHReader[bytes], descriptor: int) -> None:
    """Copy what the client says into a pipe, and close it at the end."""
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(descriptor, "wb", 0))
    pipe = asyncio.StreamWriter(transport, protocol, None, loop)
    with contextlib.suppress(OSError, asyncssh.Error), contextlib.closing(pipe):
        while data := await source.read(CHUNK):
            pipe.write(data)
            await pipe.drain()


async def _outgoing(descriptor: int, sink: asyncssh.SSHWriter[bytes]) -> None:
    """Copy what comes out of a pipe to the client, and close it at the end or when the client is gone."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: protocol, os.fdopen(descriptor, "rb", 0)
    )
    with contextlib.suppress(OSError, asyncssh.Error), contextlib.closing(transport):
        while data := await reader.read(CHUNK):
            sink.write(data)
            await sink.drain()


class _Guest(asyncssh.SSHServer):
    """Keeps the set of connections up to date."""

    def __init__(self, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._mine = conn
        self._connections.add(conn)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._connections.discard(self._mine)
