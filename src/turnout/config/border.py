"""What values may look like before anything is done with them: names, paths, branches, addresses.

Each function takes what was written and gives it back, or raises ValueError with the reason in plain words.
They refuse shell and path tricks (`a;b`, `../x`, `-oProxyCommand=…`) although nothing is ever put into a shell.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import urlsplit

from turnout.model import Address, Secret

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
OWN_VARIABLE = re.compile(r"TURNOUT_[A-Z0-9_]{1,120}")
PROCESS_ENV = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
PART = re.compile(r"[\w.+@,=~-]{1,255}")
PATTERN_PART = re.compile(r"[\w.+@,=~*?\[\]!-]{1,255}")
NODE = re.compile(r"[0-9xX*^~<>=v][0-9xX*.^~<>=|v -]{0,80}")
URL_PATH = re.compile(r"/[\x21-\x22\x24-\x7e]{0,500}")
_BRANCH_REFUSED = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|[./]$|^[-./]|^@$")
NEVER_SENT = ("node_modules", ".env", ".git", ".turnout")


def name(value: str) -> str:
    """The name of an app or an environment; it becomes part of paths and PM2's names."""
    if not NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a name: small letters, digits, `.`, `_` and `-`, 63 at most, a letter or digit first"
        )
    return value


def variable(value: str) -> str:
    """The name of a variable of the surroundings."""
    if not VARIABLE.fullmatch(value):
        raise ValueError(f"{value!r} is not a variable's name")
    return value


def process_env(value: str) -> str:
    """What PM2 gets as `--env`."""
    if not PROCESS_ENV.fullmatch(value):
        raise ValueError(f"{value!r} is not the name of an `env_NAME` block")
    return value


def host(value: object) -> Address:
    """`user@host[:port]`, or `local`."""
    if isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise ValueError('must be text: write "user@host" or "user@host:port"')  # noqa: TRY004 - pydantic knows ValueError
    bracket, after = value.rpartition("]")[1:]
    if bracket and not re.fullmatch(r"(?::[0-9]+)?", after):
        raise ValueError(f"{after!r} after the address is not a port")
    return Address.parse(value)


def folder_on_host(value: str) -> str:
    """The app's folder on a host: absolute, normalised, of plain names, not the root."""
    if not value.startswith("/"):
        raise ValueError(f"{value!r} must be absolute: it starts with /")
    _plain_parts(value[1:].rstrip("/"), PART)
    normal = posixpath.normpath(value)
    if normal != value:
        raise ValueError(f"write it as {normal!r}")
    return value


def _plain_parts(value: str, allowed: re.Pattern[str]) -> None:
    for part in value.split("/"):
        if part in {"", "..", "."}:
            raise ValueError("a path here has no empty part, no `.` and no `..`")
        if not allowed.fullmatch(part):
            raise ValueError(f"{part!r} has characters that a path here does not take")


def relative(value: str) -> str:
    """A file or folder below the app or its repository."""
    if value.startswith(("/", "-", "~")):
        raise ValueError(f"{value!r} must be relative, and begin with a name")
    _plain_parts(value, PART)
    return value


def source(value: str) -> str:
    """The app's folder in its repository; `.` is the whole of it."""
    return value if value == "." else relative(value)


def pattern(value: str) -> str:
    """A file, a folder, or a pattern of them (`*`, `?`, `[…]`, `**`), relative to the app."""
    if value.startswith(("/", "-", "~")):
        raise ValueError(f"{value!r} must be relative, and begin with a name")
    _plain_parts(value, PATTERN_PART)
    return value


def sent(value: str) -> str:
    """A pattern of `[package] include`: what is never sent may not be asked for."""
    first = pattern(value).split("/")[0]
    if first in NEVER_SENT:
        raise ValueError(f"{first!r} is never part of a package")
    return value


def shared(value: str) -> str:
    """A file or folder that all releases share, by its path in the app."""
    if relative(value).split("/")[0] in NEVER_SENT:
        raise ValueError(f"{value!r} cannot be shared: Turnout takes care of it")
    return value


def process_file(value: str) -> str:
    """The ecosystem file: what node can require."""
    if not relative(value).endswith((".js", ".cjs", ".json")):
        raise ValueError(f"{value!r} must end in .js, .cjs or .json")
    return value


def branch(value: str) -> str:
    """A branch, by the rules of `git check-ref-format` and without a leading `-`."""
    if not value or len(value) > 200 or _BRANCH_REFUSED.search(value):
        raise ValueError(f"{value!r} is not the name of a branch")
    return value


def url(value: str) -> str:
    """An address for people: http or https, without a login."""
    try:
        parts = urlsplit(value)
        ok = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        ok, parts = False, urlsplit("")
    if not ok or not re.fullmatch(r"[\x21-\x7e]{1,2000}", value) or re.search(r"[\"'`<>\\^{|}$;]", value):
        raise ValueError("must be an address that starts with http:// or https://")
    if parts.username is not None:
        raise ValueError("must not carry a user or a password")
    return value


def bytes_of(value: object) -> int:
    """A size as people write it, such as "50MB", in bytes."""
    match = re.fullmatch(r"([0-9]{1,6}) ?(kB|KB|MB|GB)", value) if isinstance(value, str) else None
    if not match or not int(match[1]):
        raise ValueError('must be a size with its unit, such as "50MB" or "1GB"')
    return int(match[1]) * {"kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}[match[2]]


def notify_url(value: object) -> Secret:
    """An Apprise url, or `env:TURNOUT_…`. A secret, so nothing of it is ever part of a message."""
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text, in quotes")  # noqa: TRY004 - pydantic knows ValueError
    if value.startswith("env:"):
        if not OWN_VARIABLE.fullmatch(value.removeprefix("env:")):
            raise ValueError(
                "must name a variable that begins with TURNOUT_ (the app's commands never get those)"
            )
    elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9+-]{1,30}://[\x21-\x7e]{1,2000}", value):
        raise ValueError('must be an Apprise url, such as "discord://…", or "env:TURNOUT_NOTIFY_URL"')
    return Secret(value)


def url_path(value: str) -> str:
    """The path that is asked for health; may have a query."""
    if not URL_PATH.fullmatch(value):
        raise ValueError(f"{value!r} must start with / and have no spaces and no #")
    return value


def node(value: str) -> str:
    """A version or a range of Node, as package.json's `engines` has it."""
    if not NODE.fullmatch(value):
        raise ValueError(f'{value!r} is not a version or a range: write "20", "20.11.1" or ">=20 <23"')
    return value


def check(value: str) -> str:
    """The name of a GitHub check, as GitHub shows it."""
    if not value.strip() or len(value) > 200 or not value.isprintable():
        raise ValueError(f"{value!r} is not the name of a check")
    return value


def command(value: str) -> str:
    """A command line of the user's, run as written; only emptiness and control characters are refused."""
    if not value.strip():
        raise ValueError("is an empty command")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", value):
        raise ValueError("has control characters in it")
    return value
