"""SSH keys as files and texts: made, read, put in place of another one with a backup; 0600, and never half written."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.errors import UsageError
from turnout.hosts import sshconfig
from turnout.hosts.identity import has_passphrase
from turnout.hosts.known_hosts import fingerprint
from turnout.hosts.library import asyncssh
from turnout.model import Secret

if TYPE_CHECKING:
    from turnout.model import Address

NEW = ".new"
"""Behind a key file's name: the key that is on its way there. What a killed rotation left is used by the next one."""


@dataclass(frozen=True)
class Pair:
    """A private key as its text, the line of its public half, and its fingerprint `SHA256:…`."""

    private: Secret
    public: str
    fingerprint: str

    @classmethod
    def of(cls, key: asyncssh.SSHKey) -> Pair:
        """The texts of a key."""
        private = Secret(key.export_private_key("openssh").decode())
        return cls(private, key.export_public_key("openssh").decode().strip(), fingerprint(key))


def read(file: Path) -> Pair:
    """The key in a file. Raises UsageError, never with any of its text."""
    try:
        return Pair.of(asyncssh.read_private_key(str(file)))
    except OSError as error:
        raise UsageError(f"{file} cannot be read", why=error.strerror or "") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        locked = has_passphrase(error)
    if locked:
        remedy = ["use a key without one that only deployments have: --key FILE"]
        raise UsageError(f"the key {file} has a passphrase", remedy=remedy)
    raise UsageError(f"{file} is no private key that can be read")


async def candidates(address: Address) -> list[Path]:
    """The key files that a login at `address` would try: of ~/.ssh/config, else the usual ones. Raises UsageError."""
    found = await sshconfig.settings(address)
    names = [
        getattr(pair, "_filename", None) for pair in found.client_keys or ()
    ]  # asyncssh has no other way
    return list(dict.fromkeys(Path(os.fsdecode(name)) for name in names if name))


def begin(file: Path, comment: str) -> Pair:
    """A new ed25519 key in `file`.new; one that is there already is taken, so that the same command again converges."""
    new = file.with_name(file.name + NEW)
    if new.exists():
        return read(new)
    pair = Pair.of(asyncssh.generate_private_key("ssh-ed25519", comment=comment))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(new, pair.private.reveal(), 0o600)
    return pair


def discard(file: Path) -> None:
    """Remove `file`.new."""
    with contextlib.suppress(FileNotFoundError):
        file.with_name(file.name + NEW).unlink()


def place(file: Path, pair: Pair) -> Path | None:
    """Lead `file` and `file`.pub to the new key; the backup of the old one, None if there was none. Raises OSError."""
    public = file.with_name(file.name + NEW + ".pub")
    _write(public, pair.public + "\n", 0o644)
    try:
        backup = _backup(file) if file.exists() else None
        file.with_name(file.name + NEW).replace(file)
    except OSError:
        public.unlink()
        raise
    with contextlib.suppress(OSError):  # the key is in place; its public half is a convenience
        public.replace(file.with_name(file.name + ".pub"))
    return backup


def _backup(file: Path) -> Path:
    """A second name for the old key: there is no moment in which it has none."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    backup = file.with_name(f"{file.name}.before-{stamp}")
    os.link(file, backup)
    backup.chmod(0o600)
    with contextlib.suppress(OSError):
        os.link(file.with_name(file.name + ".pub"), backup.with_name(backup.name + ".pub"))
    return backup


def _write(file: Path, content: str, mode: int) -> None:
    """The whole file or none of it, with its mode from the first byte on."""
    temp = file.with_name(f".{file.name}-{os.getpid()}")
    temp.unlink(missing_ok=True)
    descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as out:
        out.write(content)
        out.flush()
        os.fsync(descriptor)
    temp.replace(file)
