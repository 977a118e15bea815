"""What ~/.ssh/config says of a host: its real name, port, user, keys, jump hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnout.errors import UsageError
from turnout.hosts.library import asyncssh

if TYPE_CHECKING:
    from turnout.model import Address

DEFAULT_PORT = 22


def arguments(address: Address) -> dict[str, Any]:
    """What asyncssh is told of an address; what it leaves open (the user, port 22) the user's file may say."""
    given: dict[str, Any] = {"host": address.host}
    if address.user:
        given["username"] = address.user
    if address.port != DEFAULT_PORT:
        given["port"] = address.port
    return given


async def settings(address: Address, **more: Any) -> asyncssh.SSHClientConnectionOptions:
    """The settings as they apply to a connection to `address`. Raises UsageError when they cannot be read."""
    kind = asyncssh.SSHClientConnectionOptions
    try:
        found: asyncssh.SSHClientConnectionOptions = await kind.construct(
            config=(), **arguments(address), **more
        )
        return found
    except (asyncssh.ConfigParseError, asyncssh.KeyImportError, OSError, ValueError) as error:
        message = f"the SSH settings for {address} cannot be used"
        raise UsageError(message, where="~/.ssh/config", why=str(error)) from None


def known_as(found: asyncssh.SSHClientConnectionOptions) -> tuple[str, int]:
    """The name and port under which the host's key is kept."""
    return found.host_key_alias or found.host, found.port


def known_hosts_files(found: asyncssh.SSHClientConnectionOptions) -> list[Path]:
    """The files of UserKnownHostsFile and GlobalKnownHostsFile, where the user's file names any."""
    files = found.known_hosts
    return (
        [Path(file).expanduser() for file in files if isinstance(file, str)]
        if isinstance(files, list)
        else []
    )
