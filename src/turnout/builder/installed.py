"""Did npm install anything? With a registry out of reach it can end with status 0 and nothing (docs/facts.md)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from turnout.builder.inputs import LOCKS
from turnout.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

INSTALLS = re.compile(r"npm\s+(?:ci|i|install)\b")
WITHOUT_DEV = re.compile(r"--omit[= ]dev\b|--production\b|--only[= ]prod")


def check(command: str, folder: Path) -> None:
    """Raise BuildError when `command` should have installed what the lock file lists and `folder` has none of it."""
    if (
        not INSTALLS.match(command.strip())
        or not _wanted(command, folder)
        or _anything(folder / "node_modules")
    ):
        return
    raise BuildError(
        f"`{command}` ended well, but installed nothing",
        why="npm does so when it cannot reach its registry",
        remedy=["npm ping", "then the same command again"],
    )


def _wanted(command: str, folder: Path) -> bool:
    dev = bool(WITHOUT_DEV.search(command))
    return any(not (package.get("optional") or (dev and package.get("dev"))) for package in _listed(folder))


def _listed(folder: Path) -> list[dict[str, Any]]:
    for name in LOCKS:
        try:
            lock = json.loads((folder / name).read_bytes())
            listed = {**lock.get("dependencies", {}), **lock.get("packages", {})}
            return [package for path, package in listed.items() if path and not package.get("devOptional")]
        except (FileNotFoundError, ValueError, AttributeError, TypeError):
            continue
    return []


def _anything(modules: Path) -> bool:
    """Its own record counts: npm writes it last. Other names with a dot are caches."""
    names = [path.name for path in modules.iterdir()] if modules.is_dir() else []
    return any(name == ".package-lock.json" or not name.startswith(".") for name in names)
