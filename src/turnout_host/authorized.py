"""authorized_keys: add and remove one key; everything else stays, byte for byte. sshd(8) has the format."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import List, Optional, Set, Tuple

from turnout_host import disk
from turnout_host.errors import SurveyError

_LINE = re.compile(
    rb'[ \t]*(?:(?P<options>(?:"(?:\\"|[^"])*"|[^ \t"#])(?:"(?:\\"|[^"])*"|[^ \t"])*)[ \t]+)?'
    rb"(?P<type>(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+)[ \t]+(?P<blob>[A-Za-z0-9+/]+=*)"
)
_QUOTED = re.compile(rb'"(?:\\"|[^"])*"')
KEY = re.compile(r"ssh-ed25519 [A-Za-z0-9+/]{68} [\w@.-]{1,100}\Z")
"""What may be added: our own kind of key, with a comment."""


def path() -> Path:
    """The login's own file; a link to it is followed, and stays."""
    return Path(os.path.realpath(os.path.expanduser("~/.ssh/authorized_keys")))


def fingerprint(line: bytes) -> Optional[str]:
    """`SHA256:…` of the key in a line, as ssh-keygen -l prints it; None for another line, or an authority's key."""
    found = _LINE.match(line)
    if not found:
        return None
    if b"cert-authority" in _QUOTED.sub(b"", found["options"] or b"").split(b","):
        return None
    try:
        blob = base64.b64decode(found["blob"], validate=True)
    except binascii.Error:
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def options(data: bytes, key: str) -> str:
    """The options in front of a key, such as `from="…"`; "" when it has none."""
    for line in _lines(data):
        if fingerprint(line) == key:
            found = _LINE.match(line)
            return (found["options"] or b"").decode("utf-8", "replace") if found else ""
    return ""


def has(data: bytes, key: str) -> bool:
    """Whether a line holds the key with this fingerprint."""
    return any(fingerprint(line) == key for line in _lines(data))


def marks(data: bytes) -> Set[str]:
    """The fingerprints of all keys in it."""
    return {mark for mark in map(fingerprint, _lines(data)) if mark}


def add(data: bytes, line: str, like: str) -> bytes:
    """The file with a new key behind that of fingerprint `like`, with the same options. It must be there."""
    lines = _lines(data)
    at = next(number for number, one in enumerate(lines) if fingerprint(one) == like)
    found = _LINE.match(lines[at])
    front = found["options"] + b" " if found and found["options"] else b""
    end = lines[at][len(lines[at].rstrip(b"\r\n")) :]
    new = front + line.encode("utf-8") + end
    if not end:  # the last line of a file without a last newline: a removal gives the same bytes again
        lines[at] += b"\n"
    return b"".join([*lines[: at + 1], new, *lines[at + 1 :]])


def remove(data: bytes, key: str) -> Tuple[bytes, int]:
    """The file without the lines of this key, and how many they were."""
    lines = _lines(data)
    kept = [line for line in lines if fingerprint(line) != key]
    ended = not data or data.endswith(b"\n")
    left = b"".join(kept)
    if not ended and left.endswith(b"\n"):
        left = left[:-1]
    return left, len(lines) - len(kept)


def _lines(data: bytes) -> List[bytes]:
    return [part for part in re.split(rb"(?<=\n)", data) if part]


def read(file: Path) -> bytes:
    """All of it; SurveyError when there is none."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise SurveyError(f"{file} cannot be read: {error.strerror}", where=str(file)) from None


def write(file: Path, data: bytes, was: bytes) -> None:
    """Put the new contents into place in one step, with the mode and owner that were; it must still hold `was`."""
    try:
        found = file.stat()
        descriptor, temp = tempfile.mkstemp(prefix=".authorized_keys-", dir=str(file.parent))
        try:
            with os.fdopen(descriptor, "wb") as out:
                os.fchmod(descriptor, found.st_mode & 0o7777)
                if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, found.st_uid, found.st_gid)
                out.write(data)
                out.flush()
                os.fsync(descriptor)
            if file.read_bytes() != was:
                raise SurveyError(f"somebody else is changing {file}: try again", where=str(file))
            os.rename(temp, str(file))
        except BaseException:
            os.unlink(temp)
            raise
        disk.sync_folder(file.parent)
    except OSError as error:
        raise SurveyError(f"{file} cannot be changed: {error.strerror}", where=str(file)) from None
