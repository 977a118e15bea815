"""Which tables, columns and enum values a schema.prisma names: what the code that goes with it uses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_BLOCK = re.compile(r"^[ \t]*(model|view|enum|type)\s+(\w+)\s*\{(.*?)^[ \t]*\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"\s*(\w+)\s+(\w+)(?:\([^)]*\))?(\[\])?\??(.*)")
_NAME = r'\(\s*(?:(?:name|map)\s*:\s*)?"([^"]+)"'
_MAP, _TABLE, _RELATION = (re.compile(rf"{word}{_NAME}") for word in (r"(?<!@)@map", "@@map", "@relation"))


@dataclass(frozen=True)
class Models:
    """Tables with their columns, and enums with their values, by the names that the database has."""

    tables: dict[str, frozenset[str]] = field(default_factory=dict)
    enums: dict[str, frozenset[str]] = field(default_factory=dict)


def read(schema: str) -> Models:
    """The models of a schema; empty for a text that has none."""
    text = "\n".join(line for line in schema.splitlines() if not line.lstrip().startswith("//"))
    blocks = [(kind, name, body) for kind, name, body in _BLOCK.findall(text)]
    models = {name for kind, name, _ in blocks if kind in {"model", "view"}}
    tables = {
        _mapped(_TABLE, body, name): _columns(body, models)
        for kind, name, body in blocks
        if kind in {"model", "view"}
    }
    enums = {_mapped(_TABLE, body, name): _values(body) for kind, name, body in blocks if kind == "enum"}
    return Models(tables | _between(blocks, models), enums)


def _mapped(pattern: re.Pattern[str], text: str, name: str) -> str:
    found = pattern.search(text)
    return found[1] if found else name


def _columns(body: str, models: set[str]) -> frozenset[str]:
    """Every field but those that lead to another model: these have no column of their own."""
    fields = [found for line in body.splitlines() if (found := _FIELD.match(line))]
    return frozenset(_mapped(_MAP, one[4], one[1]) for one in fields if one[2] not in models)


def _values(body: str) -> frozenset[str]:
    words = [line.split(maxsplit=1) for line in body.splitlines() if line.strip() and "@@" not in line]
    return frozenset(_mapped(_MAP, " ".join(word[1:]), word[0]) for word in words)


def _between(blocks: list[tuple[str, str, str]], models: set[str]) -> dict[str, frozenset[str]]:
    """Prisma's own tables `_AToB` for lists that lead to each other."""
    lists: dict[tuple[str, str, str], str] = {}
    for _, name, body in blocks:
        for line in body.splitlines():
            found = _FIELD.match(line)
            if found and found[3] and found[2] in models:
                lists[name, found[2], _mapped(_RELATION, found[4], "")] = found[1]
    return {
        f"_{title or 'To'.join(sorted((one, other)))}": frozenset("AB")
        for one, other, title in lists
        if (other, one, title) in lists
    }
