"""Secrets of the dotenv are hidden in the output of the programs that read it (DESIGN 9.8).

Which values are secret is told by the names of their keys, and by the password's place in an address.
"""

from __future__ import annotations

import re
from typing import Iterable, List, Mapping, Set
from urllib.parse import unquote

from turnout_host.errors import HostError

_SECRET = re.compile(
    r"secret|token|passw|pwd|key|credential|dsn|auth|salt|private|cookie|session", re.IGNORECASE
)
_PASSWORD = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")
_PARAMETER = re.compile(r"[?&;]([^=&;\s]+)=([^&;\s]+)")


def secrets(values: Mapping[str, str]) -> List[str]:
    """What must not be shown of these values, longest first; for `hide`."""
    found: Set[str] = set()
    for key, value in values.items():
        if _SECRET.search(key):
            found.update(line for line in value.split("\n") if len(line) >= 6)
        found.update(word for word in _PASSWORD.findall(value) if len(word) >= 3)
        found.update(word for name, word in _PARAMETER.findall(value) if _SECRET.search(name))
    found |= {unquote(word) for word in found}
    return sorted(found, key=lambda word: (-len(word), word))


def conceal(error: HostError, values: Mapping[str, str]) -> HostError:
    """The same error with the secrets hidden in its message, reason and last lines."""
    hidden = secrets(values)
    error.message = hide(error.message, hidden)
    error.args = (error.message,)
    for key in ("reason", "tail"):
        found = error.detail.get(key)
        if isinstance(found, str):
            error.detail[key] = hide(found, hidden)
        elif isinstance(found, list):
            error.detail[key] = [hide(str(line), hidden) for line in found]
    return error


def hide(line: str, hidden: Iterable[str]) -> str:
    """A line of output without the secrets, and without any password that stands in an address."""
    for word in hidden:
        line = line.replace(word, "…")
    return _PASSWORD.sub(lambda found: found.group(0).replace(f":{found.group(1)}@", ":…@"), line)
