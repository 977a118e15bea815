"""Chooses the files of an app that make up the artifact, and copies them out of the checkout."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from turnout.errors import PackageError

NEVER = frozenset({"node_modules", ".git"})
TEMPLATES = (".example", ".sample", ".template", ".defaults")
CREDENTIAL = re.compile(
    r"^[^#;\n]*(?:_authToken|_auth|_password)\s*=\s*(?!\$\{)\S", re.MULTILINE | re.IGNORECASE
)


def package(
    source: Path,
    into: Path,
    include: Sequence[str],
    config: str,
    *,
    written: bool = False,
    built: bool = True,
) -> list[str]:
    """Copy what `include` names from the app's folder `source` to `into`; gives the paths, sorted.

    `config` (the process manager's file) and package.json always belong to it. Names of the default list may be
    absent, except `dist` after a build (`built`); in a list that the user wrote (`written`), each pattern must match.
    Never part of it: node_modules, .git, and dotenv files, which hold secrets (DESIGN 9.8). Raises PackageError.
    """
    chosen = set(_required(source, config)) | set(_npmrc(source))
    for pattern in include:
        found = _matches(source, pattern)
        no_dist = built and pattern.strip("/") == "dist" and all((source / path).is_dir() for path in found)
        if no_dist or (written and not found):
            raise _nothing(source, pattern, no_dist)
        chosen.update(found)
    for path in sorted(chosen):
        _copy(source / path, into / path)
    return sorted(path.as_posix() for path in chosen)


def is_dotenv(name: str) -> bool:
    """Whether a file of this name holds the values of an environment, not an example of them."""
    return name == ".env" or (name.startswith(".env.") and not name.endswith(TEMPLATES))


def _required(source: Path, config: str) -> Iterable[Path]:
    for name, what in (("package.json", "the app's package.json"), (config, "the processes' configuration")):
        if not (source / name).is_file():
            raise PackageError(
                f"{name} is missing",
                why=f"{what} is not in the revision, in {source.name}/",
                remedy=[
                    f"git add {name} && git commit",
                    "or set `source`, or `[processes] config`, in turnout.toml",
                ],
            )
        yield Path(name)


def _npmrc(source: Path) -> Iterable[Path]:
    """The app's .npmrc, for dependencies that the host makes; not one with a credential in it."""
    file = source / ".npmrc"
    if file.is_file() and not CREDENTIAL.search(file.read_text("utf-8", "replace")):
        yield Path(".npmrc")


def _matches(source: Path, pattern: str) -> set[Path]:
    if pattern.startswith("/") or ".." in Path(pattern).parts:
        raise PackageError(f"[package] include {pattern!r} leaves the app's folder")
    found: set[Path] = set()
    for match in source.glob(pattern) if Path(pattern).parts else [source]:
        path = match.relative_to(source)
        if is_dotenv(path.name):
            raise PackageError(
                f"[package] include {pattern!r} matches {path}, which may hold secrets",
                remedy="keep it on the host as shared/.env, and leave it out of `include`",
            )
        found.update(_below(source, path))
    return found


def _below(source: Path, path: Path) -> Iterable[Path]:
    """The path itself, or everything in it that may travel."""
    if not NEVER.isdisjoint(path.parts) or is_dotenv(path.name):
        return
    if (source / path).is_dir() and not (source / path).is_symlink():
        children = sorted((source / path).iterdir())
        if not children and path.parts:
            yield path
        for child in children:
            yield from _below(source, child.relative_to(source))
    else:
        yield path


def _nothing(source: Path, pattern: str, no_dist: bool) -> PackageError:
    if no_dist:
        return PackageError(
            "the build made no dist",
            why=f"its commands succeeded, but {source.name}/dist is missing or empty",
            remedy="look at `outDir` in tsconfig.json, or name the folder in `[package] include`",
        )
    return PackageError(
        f"[package] include {pattern!r} matches nothing",
        why=f"looked in {source.name}/, after the build",
        remedy="correct or remove it in turnout.toml; patterns are relative to `source`",
    )


def _copy(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    if old.is_dir() and not old.is_symlink():
        new.mkdir(exist_ok=True)
    else:
        shutil.copy2(old, new, follow_symlinks=False)
