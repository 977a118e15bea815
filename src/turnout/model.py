"""Plain values that every part speaks of (DESIGN 2). No I/O."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any

RELEASE_NAME = re.compile(r"v[1-9][0-9]{0,8}")
HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[?[0-9A-Fa-f:]{2,45}\]?")
USER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
LOCAL = "local"


class Secret:
    """A value that cannot be printed by accident; `reveal()` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; for the one place that must send it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Any:
        raise TypeError("a secret does not travel")


@dataclass(frozen=True)
class Address:
    """How a host is reached: `user@host[:port]`, or `local` for this machine. Refuses shell and option tricks."""

    host: str
    user: str | None = None
    port: int = 22

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `user@host[:port]`; raises ValueError with the reason in plain words."""
        if text == LOCAL:
            return cls(LOCAL, None, 0)
        user, at, rest = text.rpartition("@")
        host, port = rest, "22"
        if rest.startswith("["):
            host, _, after = rest[1:].partition("]")
            port = after[1:] if after.startswith(":") else after or "22"
        elif rest.count(":") == 1:
            host, _, port = rest.partition(":")
        if at and not USER_NAME.fullmatch(user):
            raise ValueError(f"{user!r} is not a user name")
        if not HOST_NAME.fullmatch(host):
            raise ValueError(f"{host!r} is not a host name or address")
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{port!r} is not a port")
        return cls(host, user or None, int(port))

    def __str__(self) -> str:
        if self.host == LOCAL:
            return LOCAL
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user + '@' if self.user else ''}{name}{'' if self.port == 22 else f':{self.port}'}"


@dataclass(frozen=True)
class Revision:
    """A git commit: full hash, the tree of the app's `source` folder, subject, and where it was asked from."""

    commit: str
    tree: str
    subject: str
    ref: str

    @property
    def short(self) -> str:
        """The first 10 digits, for people."""
        return self.commit[:10]


@dataclass
class Outcome:
    """How a deployment ended; the last event carries it."""

    result: str
    exit_code: int
    release: str | None = None
    previous: str | None = None
    seconds: float = 0.0
    bytes_sent: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DeployOptions:
    """What a person may add to `deploy`."""

    ref: str = "HEAD"
    accept_drift: bool = False
    restart_pm2: bool = False
    update_runtime: bool = False
    urgent: str | None = None
    """The reason that a person gave for passing windows, soak and unfinished checks."""
    allow_breaking: bool = False
    """Apply migrations although they break the release that runs meanwhile."""


@dataclass(frozen=True)
class RollbackOptions:
    """What a person may add to `rollback`; without a release: the newest blessed one below the running one.

    `keep_env`: with today's dotenv, not with that of then. `force`: although older code would break; `reason` says why.
    """

    release: str | None = None
    keep_env: bool = False
    force: bool = False
    reason: str | None = None


@dataclass
class Change:
    """What a person wants of the dotenv: keys with their values (None takes one out), or a whole new text.

    `expected` is the digest of the dotenv that the person looked at. `database` and `same` are found out on the way.
    """

    keys: dict[str, Secret | None] = field(default_factory=dict)
    text: Secret | None = None
    expected: str | None = None
    database: bool = False
    same: set[str] = field(default_factory=set)

    def args(self) -> dict[str, Any]:
        """For a call; from here on the values are on their way to the host."""
        if self.text is not None:
            return {"text": base64.b64encode(self.text.reveal().encode()).decode(), "expected": self.expected}
        changes = {key: None if value is None else value.reveal() for key, value in self.keys.items()}
        return {"changes": changes, "expected": self.expected}
