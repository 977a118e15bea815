"""Which host keys are trusted, and how one comes to be: the known_hosts files, or a text in their place."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.errors import HostKeyError
from turnout.hosts.library import asyncssh

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncssh import SSHKey, SSHKnownHosts

SYSTEM = Path("/etc/ssh/ssh_known_hosts")


def own_file() -> Path:
    """The user's own file, the only one that is ever written."""
    return Path.home() / ".ssh" / "known_hosts"


def fingerprint(key: SSHKey) -> str:
    """`SHA256:…`, as ssh-keygen -l prints it."""
    return key.get_fingerprint("sha256")


@dataclass(frozen=True)
class Known:
    """What the files say of one host."""

    trusted: list[SSHKey] = field(default_factory=list)
    ca: list[SSHKey] = field(default_factory=list)
    revoked: list[SSHKey] = field(default_factory=list)
    by_name: bool = True
    """Whether the keys stand under this very port; else they are those of the name alone, good but no claim."""

    def algorithms(self) -> list[str]:
        """Signature algorithms, those of the trusted keys first, so that a host with several keys shows a known one."""
        known = [name.decode() for key in self.trusted for name in key.sig_algorithms]
        certificates = CERTIFICATES if self.ca else []
        return list(
            dict.fromkeys([*certificates, *(name for name in known if name in ALGORITHMS), *ALGORITHMS])
        )


ALGORITHMS = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
]
"""Those of OpenSSH's defaults that servers have keys for."""
CERTIFICATES = [f"{name}-cert-v01@openssh.com" for name in ALGORITHMS]


class KnownHosts:
    """The entries of several files, or of a text that replaces them all."""

    def __init__(self, text: str | None = None, files: Iterable[Path] | None = None) -> None:
        files = [own_file(), SYSTEM] if files is None else files
        self._entries = _parse(text if text is not None else "\n".join(map(_read, files)))

    def match(self, host: str, port: int) -> Known:
        """What is known of `host`: under `[host]:port`, else, as OpenSSH does, under the name alone."""
        exact = self._look(pattern(host, port), True)
        if exact.trusted or exact.ca or exact.revoked or port == 22:
            return exact
        return self._look(host, False)

    def _look(self, name: str, by_name: bool) -> Known:
        trusted, ca, revoked, *_ = self._entries.match(name, "", None)
        bad = set(revoked)
        return Known([key for key in trusted if key not in bad], list(ca), list(revoked), by_name)


def pattern(host: str, port: int) -> str:
    """How a host is written in the files: the name, or `[name]:port`."""
    return host if port == 22 else f"[{host}]:{port}"


def trust(host: str, port: int, key: SSHKey, replace: bool = False) -> Path:
    """Append the host's key to the user's own file, unless it is there already. Returns the file.

    Raises HostKeyError when the key is revoked, or when another key of the same type is known and `replace` is false.
    With `replace` those entries are removed; the rest of the file stays as it is.
    """
    file, name = own_file(), pattern(host, port)
    known = KnownHosts().match(host, port)
    if key in known.revoked:
        raise HostKeyError(f"the key of {name} is revoked", why=[f"revoked: {describe(key)}"])
    if known.by_name and key in known.trusted:
        return file
    others = [other for other in known.trusted if other.algorithm == key.algorithm] if known.by_name else []
    if others and not replace:
        why = [f"known: {describe(other)}" for other in others]
        raise HostKeyError(f"another key of {name} is known", why=[*why, f"presented: {describe(key)}"])
    text = _without(file.read_text(errors="surrogateescape") if file.exists() else "", name, others)
    _write(file, f"{text}{name} {key.export_public_key('openssh').decode().strip()}\n")
    return file


def describe(key: SSHKey) -> str:
    """Type and fingerprint, for people."""
    return f"{key.get_algorithm()} {fingerprint(key)}"


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:  # absent, or not for us: nothing is known from it, and nothing unknown is trusted
        return ""


def _parse(text: str) -> SSHKnownHosts:
    entries = asyncssh.import_known_hosts("")
    for line in text.splitlines():
        with contextlib.suppress(ValueError):  # one bad line must not hide the others; OpenSSH skips it, too
            entries.load(line)
    return entries


def _without(text: str, name: str, keys: list[SSHKey]) -> str:
    """The text with `name` taken out of the plain and hashed entries of these keys, and a last newline."""
    lines = text.splitlines()
    if keys:
        lines = [kept for line in lines if (kept := _strip(line, name, keys)) is not None]
    return "".join(line + "\n" for line in lines)


def _strip(line: str, name: str, keys: list[SSHKey]) -> str | None:
    found = _parse(line).match(name, "", None)[0]
    if not any(key in keys for key in found):
        return line
    names, rest = line.split(None, 1)
    if names.startswith("|"):
        return None
    left = [other for other in names.split(",") if other != name]
    return f"{','.join(left)} {rest}" if left else None


def _write(file: Path, text: str) -> None:
    """Replace the file whole, also behind a symbolic link (people link it to their dotfiles)."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = file.resolve()
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".known_hosts-")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", errors="surrogateescape") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
