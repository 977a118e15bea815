"""turnout.toml → Config. Everything wrong in it is told at once, each with line, column and a suggestion."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from turnout.config import locate
from turnout.config.schema import OURS, Config, Environment, Notify
from turnout.errors import UsageError

NAME = "turnout.toml"
_LINE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TYPES = {
    "string_type": "must be text, in quotes",
    "tuple_type": 'must be a list: write ["…"]',
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "model_type": "must be a table",
    "dict_type": "must be a table",
}


class Fault(NamedTuple):
    """One thing wrong: the path of the key, what is wrong with it, and what was probably meant."""

    path: locate.Path
    message: str
    hint: str = ""


def load(path: Path | None, cwd: Path) -> Config:
    """Read `path`, else turnout.toml in `cwd` (never one further up, never one of a revision). Raises UsageError."""
    file = cwd / (path or NAME)
    text = _read(file, shown=str(path or NAME))
    shown = str(path or NAME)
    data = _parse(text, shown)
    faults = list(_name_environments(data))
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        faults += [_fault(details) for details in error.errors(include_url=False)]
    else:
        if not faults:
            return config.model_copy(update={"file": file})
    raise _refusal(faults, text, shown)


def _read(file: Path, shown: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _missing(file, shown) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{shown} is not UTF-8 text", where=f"{shown}:{line}:1", remedy="save it as UTF-8"
        ) from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read", why=error.strerror or str(error)) from None


def _missing(file: Path, shown: str) -> UsageError:
    above = next(
        (folder / NAME for folder in file.parent.resolve().parents if (folder / NAME).is_file()), None
    )
    if above and file.name == NAME:
        there = os.path.relpath(above, file.parent)
        return UsageError(
            f"there is no {shown} here", why=f"there is one at {there}", remedy=f"add -c {there}, or go there"
        )
    return UsageError(
        f"there is no {shown} here",
        remedy="turnout init    writes one" if shown == NAME else "give its path with -c FILE",
    )


def _parse(text: str, shown: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _LINE.search(str(error))
        last = text.rstrip().count("\n") + 1
        line, column = (match[1] or last, match[2] or 1) if match else (last, 1)
        reason = str(error)[: match.start()] if match else str(error)
        raise UsageError(
            f"{shown} is not valid TOML",
            where=f"{shown}:{line}:{column}",
            why=reason,
            remedy=f"mend {shown}, then the same command again",
        ) from None


def _name_environments(data: dict[str, Any]) -> list[Fault]:
    """Give each environment its name, and refuse keys that are ours to fill."""
    faults = [Fault(("file",), "unknown key `file`")] if data.pop("file", None) is not None else []
    environments = data.get("environments")
    for name, table in environments.items() if isinstance(environments, dict) else ():
        if isinstance(table, dict):
            if table.get("name") is not None:
                faults.append(
                    Fault(("environments", name, "name"), f"unknown key `name` in [environments.{name}]")
                )
            table["name"] = name
            table.setdefault("process_env", name)
            faults += _required(name, table, environments)
    return faults


def _required(name: str, table: dict[str, Any], environments: Any) -> list[Fault]:
    """`requires` names another environment, without a circle; `soak` says how long a release must have run there."""
    path, seen, needs = ("environments", name), [name], table.get("requires")
    if needs is None:
        alone = "soak" in table
        return [Fault((*path, "soak"), "`soak` needs `requires`: where must it have run?")] if alone else []
    if not isinstance(needs, str) or needs not in environments:
        known = ", ".join(one for one in environments if one != name) or "no other"
        wrong = f"`requires` in [environments.{name}] is no environment: {needs!r}"
        return [Fault((*path, "requires"), wrong, f"there is {known}")]
    while isinstance(needs, str) and isinstance(environments.get(needs), dict):
        if needs in seen:
            circle = f"`requires` in [environments.{name}] leads in a circle: {' → '.join([*seen, needs])}"
            return [Fault((*path, "requires"), circle)]
        seen.append(needs)
        needs = environments[needs].get("requires")
    return []


def _fault(details: ErrorDetails) -> Fault:
    path = tuple(part for part in details["loc"] if part != "[key]")
    kind, key, table = details["type"], _key(path), _table(path)
    if kind == "extra_forbidden":
        return Fault(path, f"unknown key `{key}`{table}", _suggestion(path))
    if kind == "missing":
        return Fault(path, f"`{key}` is missing{table}")
    return Fault(path, f"`{key}`{table} {_words(details)}" if path else f"turnout.toml {_words(details)}")


def _words(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    if details["type"] == "value_error":
        reason = str(context["error"])
        return reason if re.match(r"must|is |has ", reason) else f"is wrong: {reason}"
    if details["type"] == "literal_error":
        return f"must be {context['expected']}"
    if "le" in context or "ge" in context:
        return f"must be at {'most' if 'le' in context else 'least'} {context.get('le', context.get('ge'))}"
    return _TYPES.get(details["type"]) or f"is wrong: {details['msg']}"


def _key(path: locate.Path) -> str:
    """The last key of a path, with the number of the item behind it when it is a list's."""
    if path and isinstance(path[-1], int):
        return f"{_key(path[:-1])}[{path[-1]}]"
    return str(path[-1]) if path else ""


def _table(path: locate.Path) -> str:
    names = [str(part) for part in path[:-1] if not isinstance(part, int)]
    if path and isinstance(path[-1], int):
        names = names[:-1]
    return f" in [{'.'.join(names)}]" if names else ""


def keys_of(path: locate.Path) -> list[str]:
    """The keys that the table at `path` takes."""
    if path == ("environments",):
        return []
    if "notify" in path:
        return list(Notify.model_fields)
    model: type[BaseModel] = Config
    for part in path:
        if path[0] == "environments":
            model = Environment
            break
        inner = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    ours = OURS[("environments", "*") if model is Environment else ()]
    return [key for key in model.model_fields if key not in ours]


def _suggestion(path: locate.Path) -> str:
    key, taken = str(path[-1]), keys_of(path[:-1])
    tables = ["build", "package", "dependencies", "migrate", "processes", "health", "release"]
    homes = [f"[{name}]" for name in tables if key in keys_of((name,))]
    homes += ["[environments.NAME]"] if key in keys_of(("environments", "")) else []
    homes += ["the top of the file"] if key in keys_of(()) else []
    if homes:
        return f"`{key}` belongs in {' or '.join(homes)}"
    close = difflib.get_close_matches(key, taken, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else f"it takes {', '.join(taken)}"


def _refusal(faults: list[Fault], text: str, shown: str) -> UsageError:
    placed = sorted((locate.place(text, fault.path), fault) for fault in faults)
    (first, fault), others = placed[0], placed[1:]
    why = [fault.hint] if fault.hint else []
    for place, other in others:
        hint = f" ({other.hint})" if other.hint else ""
        why.append(f"{shown}:{place.line}:{place.column}: {other.message}{hint}")
    return UsageError(
        fault.message,
        where=f"{shown}:{first.line}:{first.column}",
        why=why,
        remedy=f"mend {shown}, then the same command again",
    )
