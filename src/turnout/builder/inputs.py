"""What a result depends on, as a key: equal keys, equal results; so that the same thing is never made twice."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from turnout.errors import BuildError

FORMAT = 1
"""Part of every key: raise it when Turnout itself makes something else of the same inputs."""
DIGITS = 20

LOCKS = ("package-lock.json", "npm-shrinkwrap.json")
GENERATE = re.compile(r"\bprisma\s+generate\b")


def digest(parts: Mapping[str, Any]) -> str:
    """The digest of everything in `parts`, by name and value; DIGITS hexadecimal digits."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:DIGITS]


def files(source: Path, patterns: Iterable[str]) -> dict[str, str]:
    """The files below `source` that match, each with the digest of its contents; a folder counts with all in it."""
    found: dict[str, str] = {}
    for pattern in patterns:
        for match in source.glob(pattern):
            below = match.rglob("*") if match.is_dir() and not match.is_symlink() else [match]
            found.update(
                (path.relative_to(source).as_posix(), _contents(path)) for path in below if _counts(path)
            )
    return found


def values(names: Iterable[str], env: Mapping[str, str]) -> dict[str, str | None]:
    """The digests of variables, None for one that is not set; values are never kept themselves."""
    return {
        name: hashlib.sha256(env[name].encode("utf-8", "surrogateescape")).hexdigest()
        if name in env
        else None
        for name in names
    }


def major(version: str) -> str:
    """What native modules are tied to: Node's ABI changes with the first number only."""
    return version.partition(".")[0]


def package_json(source: Path) -> dict[str, Any]:
    """The app's package.json. Raises BuildError when it is missing or not an object of JSON."""
    path = source / "package.json"
    try:
        read = json.loads(path.read_bytes())
        if isinstance(read, dict):
            return read
        why = "it is not an object"
    except (OSError, ValueError) as error:
        why = str(error) if isinstance(error, ValueError) else "the revision has no such file"
    raise BuildError(
        f"{source.name}/package.json cannot be read",
        why=why,
        remedy="correct and commit it, or set `source` in turnout.toml",
    )


def lock(source: Path) -> dict[str, Any]:
    """The app's lock file; {} where there is none, or one that is no object of JSON."""
    for name in LOCKS:
        try:
            read = json.loads((source / name).read_bytes())
        except (OSError, ValueError):
            continue
        return read if isinstance(read, dict) else {}
    return {}


def effective(commands: Sequence[str], source: Path) -> list[str]:
    """The commands that have something to do: `prisma generate` only where there is a schema (DESIGN 7)."""
    return [command for command in commands if not GENERATE.search(command) or has_schema(source)]


def has_schema(source: Path) -> bool:
    """Whether the app uses Prisma: a schema where Prisma looks, or a configuration that names one."""
    usual = any(
        next(source.glob(pattern), None)
        for pattern in ("prisma/schema.prisma", "schema.prisma", "prisma.config.*")
    )
    named = package_json(source).get("prisma")
    return (
        usual or (isinstance(named, dict) and "schema" in named) or any(source.glob("prisma/schema/*.prisma"))
    )


def check_lock(commands: Sequence[str], source: Path) -> None:
    """Raise BuildError when `npm ci` would refuse for want of a lock file."""
    if any(re.match(r"npm\s+ci\b", command) for command in commands) and not any(
        (source / name).exists() for name in LOCKS
    ):
        raise BuildError(
            f"{source.name}/ has no package-lock.json",
            why="`npm ci` installs exactly what a lock file says",
            remedy="npm install --package-lock-only && git add package-lock.json && git commit",
        )


def _counts(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _contents(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    return hashlib.sha256(path.read_bytes()).hexdigest()
