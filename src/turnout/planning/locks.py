"""What changed between two package-lock.json: packages added, removed, and of another version. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field

MODULES = "node_modules/"


@dataclass(frozen=True)
class Package:
    """A package whose versions differ; `old` or `new` is empty when it is not there."""

    name: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    direct: bool = False
    """package.json names it."""
    dev: bool = False
    """Only the build needs it; no host gets it."""

    def __str__(self) -> str:
        """`express 5.2.0 → 5.3.0`, `+ left-pad 1.3.0`, `- left-pad 1.3.0`."""
        old, new = ", ".join(self.old), ", ".join(self.new)
        if not old:
            return f"+ {self.name} {new}"
        return f"- {self.name} {old}" if not new else f"{self.name} {old} → {new}"


@dataclass
class _Seen:
    versions: set[str] = field(default_factory=set)
    dev: bool = True


def changes(old: str | None, new: str | None) -> list[Package]:
    """The packages that differ, those that package.json names first; a lock file that cannot be read is empty.

    Reads lockfileVersion 2 and 3 (npm 7 and later), whose `packages` lists every folder of node_modules.
    """
    before, after = _parsed(old), _parsed(new)
    direct = _direct(before) | _direct(after)
    one, other = _packages(before), _packages(after)
    found = [
        Package(
            name,
            _versions(one.get(name)),
            _versions(other.get(name)),
            name in direct,
            all(seen.dev for seen in (one.get(name), other.get(name)) if seen),
        )
        for name in {*one, *other}
        if _versions(one.get(name)) != _versions(other.get(name))
    ]
    return sorted(found, key=lambda package: (not package.direct, package.dev, package.name))


def _parsed(text: str | None) -> dict[str, dict[str, object]]:
    try:
        read = json.loads(text or "{}")
        found = read.get("packages")
    except (ValueError, AttributeError):
        return {}
    return {key: one for key, one in (found or {}).items() if isinstance(one, dict)}


def _direct(packages: dict[str, dict[str, object]]) -> set[str]:
    root = packages.get("", {})
    tables = (root.get(key) for key in ("dependencies", "devDependencies", "optionalDependencies"))
    return {str(name) for table in tables if isinstance(table, dict) for name in table}


def _packages(packages: dict[str, dict[str, object]]) -> dict[str, _Seen]:
    """By name: `node_modules/a/node_modules/b` is another b. Links to folders of the repository have no version."""
    found: defaultdict[str, _Seen] = defaultdict(_Seen)
    for path, one in packages.items():
        if MODULES in path and one.get("version"):
            seen = found[path.rpartition(MODULES)[2]]
            seen.versions.add(str(one["version"]))
            seen.dev = seen.dev and one.get("dev") is True
    return found


def _versions(seen: _Seen | None) -> tuple[str, ...]:
    return tuple(sorted(seen.versions)) if seen else ()
