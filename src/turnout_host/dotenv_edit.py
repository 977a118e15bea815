r"""Changes one key of a dotenv and leaves everything else as a person wrote it: comments, order, quotes, `export`.

Pure. Each change is read back with the parser that the app uses: what comes out is exactly the value that went in and
every other key as before, or DotenvError. No value is ever in a message.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, List, Mapping, Optional

from turnout_host import dotenv
from turnout_host.dotenv import LINE, OURS, parse
from turnout_host.errors import UsageError

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
LIMIT = 1 << 16
"""Characters of a value, at most."""
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=?&~^*-]*\Z")
"""Values that no reader of dotenvs, and no shell, takes for anything else."""


def change(text: str, changes: Mapping[str, Optional[str]]) -> str:
    """The text with these keys set, or taken out where the value is None. Raises UsageError."""
    for key, value in changes.items():
        text = unset_key(text, key) if value is None else set_key(text, key, value)
    return text


def set_key(text: str, key: str, value: str) -> str:
    """The text with `key` as `value`: in its old place (the last one, which counts), else at the end."""
    _settable(key, value)
    if parse(text).get(key) == value:
        return text
    wanted = dict(parse(text), **{key: value})
    for attempt in (_in_place, _at_the_end):
        for written in _spellings(value, _quote(text, key)):
            changed = attempt(text, key, written)
            if changed is not None and parse(changed) == wanted:
                return changed
    raise UsageError(
        f"the value of {key} cannot be written in a dotenv", reason="it has every kind of quote in it"
    )


def unset_key(text: str, key: str) -> str:
    """The text without the lines that set `key`. Raises UsageError when there is none, or when others would change."""
    wanted = parse(text)
    if key not in wanted:
        raise UsageError(f"there is no {key} in the .env")
    del wanted[key]
    while True:
        found = _last(text, key)
        if found is None:
            break
        start = max(text.rfind("\n", 0, found.start(1)) + 1, found.start())
        stop = text.find("\n", found.end())
        text = text[:start] + (text[stop + 1 :] if stop >= 0 else "")
    if parse(text) != wanted:
        raise UsageError(
            f"{key} cannot be taken out without changing other keys", remedy=["turnout env set --editor"]
        )
    return text


def changed_keys(before: str, after: str) -> List[str]:
    """Names of the keys whose values differ."""
    one, other = parse(before), parse(after)
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


_DATABASE = re.compile(
    r"(?:postgres(?:ql)?|mysql|mariadb|sqlserver|mongodb(?:\+srv)?|cockroachdb|libsql|prisma(?:\+\w+)?|file):"
)


def is_database(before: str, after: str, keys: List[str]) -> bool:
    """Does one of these keys lead to a database, or did it? Then the other one may lack migrations."""
    both: List[Dict[str, str]] = [parse(before), parse(after)]
    return any(_DATABASE.match(values.get(key, "")) for values in both for key in keys)


def _settable(key: str, value: str) -> None:
    if not KEY.match(key):
        raise UsageError(
            f"not the name of a variable: {key!r}", reason="letters, digits and `_`, no digit first"
        )
    if key in OURS:
        raise UsageError(f"{key} is set by Turnout, for each release anew")
    if "\0" in value or len(value) > LIMIT:
        raise UsageError(f"the value of {key} has a NUL in it, or more than {LIMIT} characters")
    if value.encode("utf-8", "replace").decode("utf-8") != value:
        raise UsageError(f"the value of {key} is not UTF-8")


def _last(text: str, key: str) -> Optional[re.Match[str]]:
    found = [one for one in LINE.finditer(text) if one.group(1) == key]
    return found[-1] if found else None


def _quote(text: str, key: str) -> str:
    """The quote around the value that is there now, or none."""
    found = _last(text, key)
    raw = (found.group(3) or "").strip() if found else ""
    return raw[:1] if raw[:1] in ("'", '"', "`") else ""


def _spellings(value: str, first: str) -> List[str]:
    """All ways to write the value: the quote that is there now first, last those that only npm's dotenv reads."""
    doubled = value.replace("\r", "\\r")
    ways: Dict[str, Callable[[], List[str]]] = {
        "": lambda: [value] if _PLAIN.match(value) else [],
        '"': lambda: [f'"{doubled}"', '"' + doubled.replace("\n", "\\n") + '"'],
        "'": lambda: [f"'{value}'"],
        "`": lambda: [f"`{value}`"],
    }
    order = dict.fromkeys([first, "", '"', "'", "`"])
    found = [(quote, written) for quote in order for written in ways[quote]()]
    found.sort(key=lambda one: bool(one[0]) and one[0] in value)
    return [written for _, written in found]


def _in_place(text: str, key: str, written: str) -> Optional[str]:
    """With the value's text replaced; what stands behind it (a comment) stays."""
    found = _last(text, key)
    if found is None:
        return None
    raw = found.group(3)
    if raw is None:
        return text[: found.end(2)] + written + text[found.end(2) :]
    start = found.start(3) + len(raw) - len(raw.lstrip())
    return text[:start] + written + text[start + len(raw.strip()) :]


def _at_the_end(text: str, key: str, written: str) -> str:
    """On a line of its own at the end; lines of the same key before it go, since only the last one counts."""
    if _last(text, key) is not None:
        text = unset_key(text, key)
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{key}={written}\n"


def checked(data: bytes) -> str:
    """A whole dotenv that somebody brings, as its base. Raises UsageError for what is none."""
    try:
        text = dotenv.base_of(data).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("the .env is not UTF-8") from None
    if "\0" in text:
        raise UsageError("the .env has a NUL in it")
    if not parse(text):
        raise UsageError("the .env has no key in it")
    return text
