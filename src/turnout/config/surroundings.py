"""How the hosts of an environment are reached: turnout.toml, and the variables that may replace it (DESIGN 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from turnout.config import border
from turnout.config.schema import Environment
from turnout.errors import UsageError
from turnout.model import USER_NAME, Address, Secret

OWN_SECRETS = ("VPS_SSH_KEY", "VPS_KNOWN_HOSTS", "VPS_HOST", "VPS_USER", "VPS_PORT", "GITHUB_TOKEN")
"""Variables that are Turnout's own: an app's build commands do not get them."""

FROM_FILE = "from turnout.toml"


@dataclass(frozen=True)
class Reach:
    """The hosts of one environment, and the key and host keys to use; without them, the user's own."""

    hosts: tuple[Address, ...]
    key: Secret | None = None
    known_hosts: str | None = None
    origins: dict[str, str] = field(default_factory=dict)
    """By `str(address)`: "from VPS_HOST", "from turnout.toml"."""


def reach(environment: Environment, variables: Mapping[str, str]) -> Reach:
    """What the file and the variables say together; UsageError for what is wrong or contradicts.

    Empty variables count as not set: a CI hands on secrets that do not exist as empty texts.
    """
    host, user, port = (variables.get(name, "").strip() for name in ("VPS_HOST", "VPS_USER", "VPS_PORT"))
    named = _host(host) if host else None
    _check_user_and_port(user, port)
    if len(environment.hosts) > 1:
        _must_agree(environment, named, user, port)
        hosts, origins = environment.hosts, {str(address): FROM_FILE for address in environment.hosts}
    else:
        address, origin = _one(environment, named, user, port)
        hosts, origins = (address,), {str(address): origin}
    return Reach(
        hosts,
        _key(variables.get("VPS_SSH_KEY", "")),
        _known_hosts(variables.get("VPS_KNOWN_HOSTS", "")),
        origins,
    )


def _host(text: str) -> Address:
    try:
        return border.host(text)
    except ValueError as error:
        raise UsageError(
            "VPS_HOST is not a host",
            where="VPS_HOST",
            why=str(error),
            remedy="set it to a name or an address",
        ) from None


def _check_user_and_port(user: str, port: str) -> None:
    if user and not USER_NAME.fullmatch(user):
        raise UsageError(
            "VPS_USER is not a user name",
            where="VPS_USER",
            why=f"{user!r} has characters that a name does not take",
            remedy="set it to the user that logs in there, such as deploy",
        )
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UsageError(
            "VPS_PORT is not a port",
            where="VPS_PORT",
            why=f"{port!r} is not a number from 1 to 65535",
            remedy="set it to the port of sshd there, such as 22, or unset it",
        )


def _must_agree(environment: Environment, named: Address | None, user: str, port: str) -> None:
    """With several hosts the file counts; a variable that says something else is refused, not passed over."""
    given = {
        "VPS_HOST": named is None or any(named.host == address.host for address in environment.hosts),
        "VPS_USER": not user or any(user == address.user for address in environment.hosts),
        "VPS_PORT": not port or any(int(port) == address.port for address in environment.hosts),
    }
    for variable, agrees in given.items():
        if not agrees:
            raise UsageError(
                f"{variable} contradicts turnout.toml",
                where=f"[environments.{environment.name}]",
                why=f"it names {len(environment.hosts)} hosts, and none of them is that of {variable}",
                remedy=f"unset {variable}, or let the file name one host",
            )


def _one(environment: Environment, named: Address | None, user: str, port: str) -> tuple[Address, str]:
    """The only host: each part from its variable, else from the file."""
    written = environment.hosts[0] if environment.hosts else None
    if named is None and written is None:
        raise UsageError(
            f"no host is named for {environment.name}",
            where=f"[environments.{environment.name}]",
            remedy=['add hosts = ["user@host"] to turnout.toml', "or set VPS_HOST"],
        )
    base = written or Address("")
    address = named or base
    if named and named.host != "local":
        address = replace(
            named, user=named.user or base.user, port=named.port if named.port != 22 else base.port or 22
        )
    parts = {"VPS_HOST": bool(named), "VPS_USER": bool(user), "VPS_PORT": bool(port)}
    if address.host != "local":
        address = replace(address, user=user or address.user, port=int(port) if port else address.port)
    said = [variable for variable, is_set in parts.items() if is_set]
    if named:
        return address, "from VPS_HOST"
    return address, f"{FROM_FILE}, with {' and '.join(said)}" if said else FROM_FILE


def _key(text: str) -> Secret | None:
    """The private key itself; its text is never part of a message."""
    if not text.strip():
        return None
    if "-----BEGIN " not in text or "PRIVATE KEY-----" not in text:
        raise UsageError(
            "VPS_SSH_KEY is not a private key",
            where="VPS_SSH_KEY",
            why="it must be the key itself, from -----BEGIN to the end, not a file's name and not the public half",
            remedy='VPS_SSH_KEY="$(cat ~/.ssh/id_ed25519)"',
        )
    return Secret(text.strip() + "\n")


def _known_hosts(text: str) -> str | None:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    for number, line in enumerate(lines, start=1):
        if len(line.split()) < 3 or not line.isprintable():
            raise UsageError(
                "VPS_KNOWN_HOSTS is not a list of host keys",
                where=f"VPS_KNOWN_HOSTS, line {number}",
                why="a line of known_hosts is: hosts, kind of key, key",
                remedy="ssh-keyscan HOST    gives such lines; compare the key with the server's own",
            )
    return "\n".join(lines) + "\n" if lines else None
