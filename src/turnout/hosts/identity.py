"""VPS_SSH_KEY: a private key that is given as text and stays in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.errors import UsageError
from turnout.hosts.library import asyncssh

if TYPE_CHECKING:
    from asyncssh import SSHKey

    from turnout.model import Secret

WHERE = "VPS_SSH_KEY"


def identity(secret: Secret) -> SSHKey:
    """The key itself, from its text with any line ends, with or without the last one.

    Raises UsageError when the text is no private key or has a passphrase; never with any of the text.
    """
    text = "\n".join(line.strip() for line in secret.reveal().strip().splitlines()) + "\n"
    try:
        return asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        locked = has_passphrase(error)
    if locked:
        raise _refusal("has a passphrase", "use a key without one that only this deployment has")
    raise _refusal(_what(text), "set it to the whole file, from -----BEGIN to the line with -----END")


def has_passphrase(error: Exception) -> bool:
    """Whether a key could not be read for this reason; asyncssh words it by format and by what is installed."""
    return isinstance(error, asyncssh.KeyEncryptionError) or any(
        word in str(error) for word in ("assphrase", "bcrypt")
    )


def _refusal(reason: str, remedy: str) -> UsageError:
    return UsageError(f"the key in {WHERE} {reason}", where=WHERE, remedy=remedy)


def _what(text: str) -> str:
    if text.startswith(("ssh-", "ecdsa-")):
        return "is a public key; the private one is needed"
    if "-----BEGIN" not in text:
        return "is no private key: it has no line -----BEGIN …"
    if "-----END" not in text:
        return "is cut off: it has no line -----END …"
    return "cannot be read"
