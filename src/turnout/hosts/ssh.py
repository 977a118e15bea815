"""The host program behind SSH. Host keys are always checked; nothing ever asks for a password."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from turnout.hosts import refusals, sshconfig
from turnout.hosts.base import LinkLost
from turnout.hosts.identity import identity
from turnout.hosts.known_hosts import SYSTEM, KnownHosts, own_file
from turnout.hosts.library import asyncssh
from turnout.hosts.loader import COMMAND

if TYPE_CHECKING:
    from turnout.hosts.known_hosts import Known
    from turnout.model import Address, Secret

CONNECT = 10.0
"""Seconds to connect and log in; with the first frame it must stay within the 15 s of Unreachable."""
KEEPALIVE = 3.0
"""Seconds of silence before SSH itself asks; three without an answer end the link (FACTS: off unless set)."""
ENDING = 3.0
"""Seconds that the far process gets to end after its input was closed."""
TAIL = 8 << 10
"""Bytes of standard error that are kept."""
STRICT: dict[str, Any] = {
    "keepalive_interval": KEEPALIVE,
    "keepalive_count_max": 3,
    "encryption_algs": "^aes128-gcm@openssh.com",  # FACTS: 60 MB in 0.14 s instead of 0.25 s
    "password_auth": False,
    "kbdint_auth": False,
    "host_based_auth": False,
    "gss_host": None,
    "agent_forwarding": False,
    "x11_forwarding": False,
    "server_host_keys_handler": None,
}


class SSHTransport:
    """Opens SSH links to one host. `key` replaces the agent and all key files, `known_hosts` all known_hosts files."""

    def __init__(self, address: Address, key: Secret | None = None, known_hosts: str | None = None) -> None:
        self.address = address
        self._key, self._known_hosts = key, known_hosts

    async def open(self) -> SSHLink:
        """Connect, log in and start the loader. Raises Unreachable, HostKeyError, LoginError, UsageError."""
        login = self._login()
        found = await sshconfig.settings(self.address, **login)
        known = self._known(found)
        client = Client()
        connection = None
        try:
            async with asyncio.timeout(CONNECT):
                connection = await asyncssh.connect(
                    **sshconfig.arguments(self.address),
                    **STRICT,
                    **login,
                    client_factory=lambda: client,
                    known_hosts=(known.trusted, known.ca, known.revoked),
                    server_host_key_algs=known.algorithms(),
                )
                return SSHLink(
                    connection, await connection.create_process(COMMAND, encoding=None, request_pty=False)
                )
        except (OSError, asyncssh.Error) as error:
            case = refusals.Case(self.address, found, known, client.presented, client.connected)
            refusal = await refusals.explain(
                error, case, self._key is not None, self._known_hosts is not None
            )
        except asyncio.CancelledError:
            if connection:
                connection.abort()
            raise
        if connection:
            connection.abort()
        raise refusal

    def _login(self) -> dict[str, Any]:
        return {"client_keys": [identity(self._key)], "agent_path": None} if self._key else {}

    def _known(self, found: asyncssh.SSHClientConnectionOptions) -> Known:
        files = [own_file(), SYSTEM, *sshconfig.known_hosts_files(found)]
        return KnownHosts(self._known_hosts, files).match(*sshconfig.known_as(found))


async def fetch_key(address: Address) -> tuple[str, int, asyncssh.SSHKey]:
    """The key that the host presents now, unchecked, with the name and port it belongs to. Raises Unreachable."""
    found = await sshconfig.settings(address)
    client = Client()
    try:
        async with asyncio.timeout(CONNECT):
            key = await asyncssh.get_server_host_key(
                **{name: value for name, value in sshconfig.arguments(address).items() if name != "username"}
            )
    except (OSError, asyncssh.Error) as error:
        raise refusals.unreachable(error, address, connected=client.connected) from None
    if key is None:
        raise refusals.unreachable(ConnectionError("it presents no key"), address, connected=True)
    return *sshconfig.known_as(found), key


class Client(asyncssh.SSHClient):
    """Remembers how far a connection came, for the message."""

    def __init__(self) -> None:
        self.connected = False
        self.presented: asyncssh.SSHKey | None = None

    def connection_made(self, _connection: asyncssh.SSHClientConnection) -> None:
        """TCP, or the jump host, is through."""
        self.connected = True

    def validate_host_public_key(self, _host: str, _addr: str, _port: int, key: asyncssh.SSHKey) -> bool:
        """Asked for keys that are not among the trusted ones: never good."""
        self.presented = key
        return False


class SSHLink:
    """One process on the host, in a session of a connection of its own."""

    def __init__(
        self, connection: asyncssh.SSHClientConnection, process: asyncssh.SSHClientProcess[bytes]
    ) -> None:
        self._connection, self._process = connection, process
        self._stderr = b""
        self._listener = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        with contextlib.suppress(OSError, asyncssh.Error):
            while data := await self._process.stderr.read(TAIL):
                self._stderr = (self._stderr + data)[-TAIL:]

    async def read(self, n: int) -> bytes:
        """See Link."""
        try:
            return await self._process.stdout.read(n)
        except (OSError, asyncssh.Error) as error:
            raise LinkLost(refusals.plain(error)) from None

    async def write(self, data: bytes) -> None:
        """See Link."""
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (OSError, asyncssh.Error) as error:
            raise LinkLost(refusals.plain(error)) from None

    async def exit_status(self) -> int | None:
        """See Link."""
        await self._ended()
        return self._process.exit_status

    async def _ended(self) -> None:
        with contextlib.suppress(TimeoutError, OSError, asyncssh.Error):
            async with asyncio.timeout(ENDING):
                await self._process.wait_closed()
                await asyncio.wait([self._listener])  # its last words may still be in a buffer

    def stderr_tail(self) -> list[str]:
        """See Link."""
        return self._stderr.decode("utf-8", "replace").splitlines()[-20:]

    def abort(self) -> None:
        """See Link."""
        self._connection.abort()

    async def close(self) -> None:
        """See Link."""
        with contextlib.suppress(OSError, asyncssh.Error):
            self._process.stdin.write_eof()
            await self._ended()
        self._connection.close()
        try:
            async with asyncio.timeout(ENDING):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()
        self._listener.cancel()
