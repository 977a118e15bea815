"""Which GitHub the surroundings speak of: `GITHUB_TOKEN`, `GITHUB_REPOSITORY`, `GITHUB_API_URL`, as Actions sets them.

The token is a Secret; it goes into one header and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from turnout.model import Secret

API = "https://api.github.com"
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
TOKEN = re.compile(r"[\x21-\x7e]{1,1000}")
"""What a header takes: any other token would be quoted in the library's own error."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Access:
    """Where and with what to ask."""

    token: Secret
    repository: str
    api: str = API


def access(variables: Mapping[str, str]) -> Access | str:
    """What the surroundings say, or the name of the variable that is missing or wrong."""
    token, repository = (variables.get(name, "").strip() for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY"))
    api = variables.get("GITHUB_API_URL", "").strip() or API
    if not TOKEN.fullmatch(token):
        return "GITHUB_TOKEN"
    if not REPOSITORY.fullmatch(repository):
        return "GITHUB_REPOSITORY"
    return Access(Secret(token), repository, api) if _trusted(api) else "GITHUB_API_URL"


def _trusted(api: str) -> bool:
    """The token only travels encrypted, or stays on this machine."""
    try:
        parts = urlsplit(api)
        named = bool(parts.hostname) and parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        return False
    return named and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))
