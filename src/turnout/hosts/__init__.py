"""How a host is reached and called: `transport()` gives the way there, HostClient (client.py) the calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.model import LOCAL, Address, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from turnout.hosts.base import Transport


def _ssh(address: Address, key: Secret | None, known_hosts: str | None) -> Transport:
    # asyncssh takes longer to import than `turnout --help` may take
    from turnout.hosts.ssh import SSHTransport

    return SSHTransport(address, key, known_hosts)


def _local(address: Address, _key: Secret | None, _known_hosts: str | None) -> Transport:
    from turnout.hosts.local import LocalTransport

    return LocalTransport(address)


TRANSPORTS: dict[str, Callable[[Address, Secret | None, str | None], Transport]] = {
    "ssh": _ssh,
    "local": _local,
}


def load(addresses: Iterable[Address]) -> None:
    """Import what leads to these hosts; for a thread, since SSH takes 0.15 s in which git can be asked."""
    if any(address.host != LOCAL for address in addresses):
        from turnout.hosts import ssh as ssh


def transport(address: Address, key: Secret | None = None, known_hosts: str | None = None) -> Transport:
    """The way to a host. `key` and `known_hosts` are VPS_SSH_KEY and VPS_KNOWN_HOSTS, which replace the user's own."""
    return TRANSPORTS["local" if address.host == LOCAL else "ssh"](address, key, known_hosts)
