"""Why a host could not be reached, trusted or logged in to: what SSH says, as one clear block."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.errors import HostKeyError, LoginError, TurnoutError, Unreachable
from turnout.hosts.identity import has_passphrase
from turnout.hosts.known_hosts import describe, pattern
from turnout.hosts.library import asyncssh
from turnout.hosts.sshconfig import known_as

if TYPE_CHECKING:
    from collections.abc import Iterable

    from turnout.hosts.known_hosts import Known
    from turnout.model import Address

TOO_MANY = "Too many authentication failures"
"""What OpenSSH says, with the code of a protocol error, when an agent offers more keys than MaxAuthTries."""


@dataclass(frozen=True)
class Case:
    """How far a connection came."""

    address: Address
    settings: asyncssh.SSHClientConnectionOptions
    known: Known
    presented: asyncssh.SSHKey | None
    connected: bool


async def explain(error: Exception, case: Case, own_key: bool, own_known_hosts: bool) -> TurnoutError:
    """The error to raise. `own_key`, `own_known_hosts`: VPS_SSH_KEY and VPS_KNOWN_HOSTS replace the user's files."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return host_key(error, case, own_known_hosts)
    if isinstance(error, asyncssh.PermissionDenied) or (
        isinstance(error, asyncssh.Error) and TOO_MANY in error.reason
    ):
        return await login(error, case, own_key)
    return unreachable(error, case.address, case.connected)


def host_key(error: asyncssh.HostKeyNotVerifiable, case: Case, own_known_hosts: bool) -> HostKeyError:
    """Unknown, changed or revoked: with both fingerprints."""
    name, port = known_as(case.settings)
    host, key, known = pattern(name, port), case.presented, case.known
    revoked = [f"revoked: {describe(bad)}" for bad in known.revoked]
    if key is None and revoked and "revoked" in str(error):
        return HostKeyError(
            f"the host key of {host} is revoked", why=revoked, remedy="give the server a new host key"
        )
    if key is None:
        return HostKeyError(f"the host key on the way to {host} cannot be verified", why=error.reason)
    trusted = known.trusted if known.by_name else []
    says = [f"known: {describe(other)}" for other in trusted] or ["known: none"]
    changed = (
        "has CHANGED: the server was set up anew, or someone stands in between" if trusted else "is not known"
    )
    return HostKeyError(
        f"the host key of {host} {changed}",
        why=[f"presented: {describe(key)}", *says, *revoked],
        remedy=[*_compare(key), _accept(key, host, own_known_hosts, changed=bool(trusted))],
    )


def _compare(key: asyncssh.SSHKey) -> list[str]:
    kind = next((kind for kind in ("ed25519", "ecdsa", "rsa") if kind in key.get_algorithm()), "*")
    return [
        "compare the presented fingerprint with what the server itself says, in its console:",
        f"ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub",
    ]


def _accept(key: asyncssh.SSHKey, host: str, own_known_hosts: bool, changed: bool) -> str:
    if own_known_hosts:
        line = key.export_public_key("openssh").decode().strip()
        return f"if they are the same, put this line into VPS_KNOWN_HOSTS: {host} {line}"
    return f"if they are the same: turnout host trust ENV{' --replace' if changed else ''}"


async def login(error: asyncssh.Error, case: Case, own_key: bool) -> LoginError:
    """The keys that were tried, and how to let one in."""
    user, address = case.settings.username, case.address
    tried, locked = await _tried(case.settings), [] if own_key else _locked()
    who = f"{user}@{address.host}"
    port = "" if case.settings.port == 22 else f"-p {case.settings.port} "
    why = [f"tried: {line}" for line in tried] or ["there was no key to try"]
    if TOO_MANY in error.reason:
        why.append("the host gave up before all keys were tried: too many are offered")
    remedy = [f"ssh-add {file}" for file in locked]
    if own_key:
        public = case.settings.client_keys[0] if case.settings.client_keys else None
        line = f"{public.get_algorithm()} {base64.b64encode(public.public_data).decode()}" if public else ""
        remedy = [f"add this line to ~/.ssh/authorized_keys of {user} on the host: {line}"]
    else:
        remedy += ([] if tried or locked else ["ssh-keygen -t ed25519"]) + [f"ssh-copy-id {port}{who}"]
    why += [f"not tried: {file} has a passphrase and is in no agent" for file in locked]
    return LoginError(f"the host refused the login of {who}", why=why, remedy=remedy)


async def _tried(settings: asyncssh.SSHClientConnectionOptions) -> list[str]:
    agent: list[str] = []
    if settings.agent_path:
        with contextlib.suppress(OSError, ValueError, asyncssh.Error):
            async with asyncssh.connect_agent(settings.agent_path) as client:
                agent = list(_lines(await client.get_keys(), "from the agent"))
    return [*agent, *_lines(settings.client_keys or [], "from a file or VPS_SSH_KEY")]


def _lines(pairs: Iterable[asyncssh.SSHKeyPair], origin: str) -> Iterable[str]:
    for pair in pairs:
        digest = base64.b64encode(hashlib.sha256(pair.public_data).digest()).decode().rstrip("=")
        comment = pair.get_comment(errors="replace")
        yield f"{pair.get_algorithm()} SHA256:{digest} {f'({comment}) ' if comment else ''}{origin}"


def _locked() -> list[Path]:
    """The user's default keys that could not be tried because they have a passphrase."""
    found = []
    for name in ("id_ed25519", "id_ecdsa", "id_rsa"):
        file = Path.home() / ".ssh" / name
        try:
            asyncssh.read_private_key(file)
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            found += [file] if has_passphrase(error) else []
        except (OSError, ValueError):
            continue
    return found


def unreachable(error: Exception, address: Address, connected: bool) -> Unreachable:
    """No way to the host, or no answer on it."""
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        reason = "it accepts connections but does not answer" if connected else "no answer"
    else:
        reason = plain(error)
    return Unreachable(f"{address} cannot be reached", why=reason, remedy=_remedy(error, address))


def _remedy(error: Exception, address: Address) -> str:
    if isinstance(error, socket.gaierror):
        return "look for a spelling mistake in the host's name"
    if isinstance(error, ConnectionRefusedError):
        return f"is sshd running there, and is {address.port} its port?"
    return f"try by hand: ssh -v {'' if address.port == 22 else f'-p {address.port} '}{_who(address)}"


def _who(address: Address) -> str:
    return f"{address.user}@{address.host}" if address.user else address.host


def plain(error: Exception) -> str:
    """An error of the network or of SSH in plain words."""
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens on its port"
    if isinstance(error, BrokenPipeError | ConnectionResetError):
        return "the host closed the connection"
    if isinstance(error, asyncssh.Error):
        return error.reason
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error)
