r"""The app's `.env` in the language of npm `dotenv` 16, and the copy of it that each release gets (DESIGN 5).

A *base* is a dotenv without the two lines that Turnout adds, with `\n` line ends and a last newline. Digests are
always of the base, so the same dotenv has the same digest in `shared/` and in every release. No value is ever
in a message: names only.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

from turnout_host import disk
from turnout_host.errors import SurveyError
from turnout_host.layout import Layout

OURS = ("RELEASE_ID", "TURNOUT_RELEASE")
"""The keys that Turnout adds to each release's copy."""
MARK = "# added by Turnout for this release\n"
"""Stands before them: a last line `A:` in the base would else take the first of them for its value."""

# LINE of dotenv 16's lib/main.js, with what JavaScript means by ^, $, \s and \w; one group more, for the sign.
_S = r"[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
_START, _END = r"(?:\A|(?<=[\n\u2028\u2029]))", r"(?=[\n\u2028\u2029]|\Z)"
_QUOTED = rf"{_S}*'(?:\\'|[^'])*'|{_S}*\"(?:\\\"|[^\"])*\"|{_S}*`(?:\\`|[^`])*`"
LINE = re.compile(
    rf"{_START}{_S}*(?:export{_S}+)?([A-Za-z0-9_.-]+)({_S}*={_S}*?|:{_S}+?)({_QUOTED}|[^#\r\n]+)?"
    rf"{_S}*(?:#[^\n\u2028\u2029]*)?{_END}"
)
_QUOTES = re.compile(rf"{_START}(['\"`])([\s\S]*)\1{_END}")
_EDGES = re.compile(rf"\A{_S}+|{_S}+\Z")


class Choice(NamedTuple):
    """The base for the next release, and the names of the keys that a hand changed in `current/.env` since."""

    base: bytes
    taken_over: List[str]


def parse(text: str) -> Dict[str, str]:
    """Keys and values, exactly as npm dotenv 16 reads them; a key that comes twice has its last value."""
    return {found.group(1): _value(found.group(3) or "") for found in LINE.finditer(_line_ends(text))}


def parse_stdin() -> int:
    """A dotenv from standard input as a JSON object on standard output: pipes, never arguments or files."""
    json.dump(parse(base_of(sys.stdin.buffer.read()).decode("utf-8", "replace")), sys.stdout)
    return 0


def base_of(data: bytes) -> bytes:
    """The base of a dotenv: without Turnout's lines, whoever wrote them; applied twice it changes nothing more."""
    text = _line_ends(data.decode("utf-8", "surrogateescape"))
    while True:
        if text and not text.endswith("\n"):
            text += "\n"
        ours = next((found for found in LINE.finditer(text) if found.group(1) in OURS), None)
        if ours is None:
            break
        start = max(text.rfind("\n", 0, ours.start(1)) + 1, ours.start())
        stop = text.find("\n", ours.end(3) if ours.group(3) else ours.end(2))
        text = text[:start] + (text[stop + 1 :] if stop >= 0 else "")
    return text.replace(MARK, "").encode("utf-8", "surrogateescape")


def digest(data: bytes) -> str:
    """The SHA-256 of the base of a dotenv."""
    return hashlib.sha256(base_of(data)).hexdigest()


def shared_digest(layout: Layout) -> Optional[str]:
    """The digest of `shared/.env` as it is now; None where there is none."""
    found = _read(layout.dotenv)
    return None if found is None else digest(found)


def write(layout: Layout, release: str, base: bytes, release_id: str) -> None:
    """Give the release its own copy, 0600, with RELEASE_ID and TURNOUT_RELEASE added."""
    ours = f"{MARK}RELEASE_ID={release_id}\nTURNOUT_RELEASE={release}\n"
    disk.write(layout.release(release) / ".env", base_of(base) + ours.encode("utf-8"), 0o600, layout.tmp)


def choose(layout: Layout, recorded: Optional[Mapping[str, Any]]) -> Choice:
    """Which dotenv the next release gets. `recorded` is `{"base_digest", …}` of what `current` leads to, or None.

    | current/.env since its release was made | shared/.env since | then |
    | --- | --- | --- |
    | as it was | any | shared/.env |
    | edited | as it was, or missing | current/.env is taken over |
    | edited | edited the same way | shared/.env |
    | edited | edited otherwise | SurveyError: two ways out |

    Raises SurveyError when there is none at all.
    """
    edited, shared = _read(layout.current / ".env"), _read(layout.dotenv)
    was = str(recorded["base_digest"]) if recorded else None
    if shared is None:
        if edited is None:
            raise _missing(layout)
        changed = sorted(parse(_text(edited))) if was != digest(edited) else []
        return Choice(edited, changed)
    if was is None or edited is None or edited == shared or digest(edited) == was:
        return Choice(shared, [])
    changed = _changed(edited, shared)
    if digest(shared) == was:
        return Choice(edited, changed)
    raise _both_edited(layout, changed)


def missing_keys(text: str, example_keys: Iterable[str]) -> List[str]:
    """The keys that `.env.example` names and this dotenv lacks, in that order; an empty value is a value."""
    there = parse(text)
    return [key for key in dict.fromkeys(example_keys) if key not in there]


def differing(one: bytes, other: bytes) -> List[str]:
    """The names of the keys that have other values in `other`, or stand in one of the two only."""
    return _changed(base_of(one), base_of(other))


def relative_file_values(values: Mapping[str, str], shared: Iterable[str]) -> List[str]:
    """Names of keys whose `file:` path would lie inside each release, so that each had its own empty database.

    Relative paths are read from the release's folder or from `prisma/` (Prisma's own engines); one that is at or
    below a `shared` name either way is fine, and so is memory.
    """
    names = [posixpath.normpath(name) for name in shared]
    return sorted(key for key, value in values.items() if _inside_release(value, names))


def _inside_release(value: str, shared: List[str]) -> bool:
    path = value[5:].partition("?")[0] if value.startswith("file:") else "/"
    if not path or path.startswith(("/", ":memory:")):
        return False
    readings = [posixpath.normpath(path), posixpath.normpath(f"prisma/{path}")]
    return not any(one == name or one.startswith(name + "/") for one in readings for name in shared)


def _value(raw: str) -> str:
    value = _EDGES.sub("", raw)
    quote = value[:1]
    value = _QUOTES.sub(lambda found: found.group(2), value)
    if quote == '"':
        value = value.replace("\\n", "\n").replace("\\r", "\r")
    return value


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _read(path: Path) -> Optional[bytes]:
    try:
        return base_of(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _changed(one: bytes, other: bytes) -> List[str]:
    before, after = parse(_text(other)), parse(_text(one))
    return sorted(key for key in {*before, *after} if before.get(key) != after.get(key))


def _missing(layout: Layout) -> SurveyError:
    return SurveyError(
        "there is no .env on this host yet",
        where=str(layout.dotenv),
        why=["every release gets its own copy of it; Turnout never sends one by itself"],
        remedy=[f"scp .env {{host}}:{layout.dotenv}"],
    )


def _both_edited(layout: Layout, changed: List[str]) -> SurveyError:
    shared, current = layout.dotenv, layout.current / ".env"
    return SurveyError(
        f"current/.env and shared/.env were both edited since the last deployment; they differ in {', '.join(changed)}",
        where=str(shared),
        keys=changed,
        remedy=[f"keep current/.env: cp {current} {shared}", f"keep shared/.env: cp {shared} {current}"],
    )
