"""What `tsc` made of the revision before, laid beside the next one, so that only what changed is compiled again.

For apps whose tsconfig.json says `"incremental": true`, with `rootDir` and `outDir`. The compiler decides by the
digests of its inputs what to write anew; what it would not write at all in a clean tree is taken away afterwards.

<cache>/incremental/<build key>/files/   the *.tsbuildinfo and what tsc wrote below outDir
<cache>/notes/tsc-<family>               the last build key of builds that may go on from one another
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnout.builder import disk, inputs

if TYPE_CHECKING:
    from turnout.builder.cache import Cache

WRITTEN = re.compile(r"\.(?:d\.[cm]?ts|[cm]?js)(?:\.map)?$|\.json$")
"""Endings of what tsc writes for a source file."""
SOURCE = re.compile(r"\.(?:d\.)?(?:[cm]?[jt]s|[jt]sx|json)$")
STATE = "*.tsbuildinfo"
OLD = 1.0
"""Time of change, in seconds since 1970, of a file that was laid: what has it still was not written anew."""
COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
TRAILING = re.compile(r",(?=\s*[}\]])")


@dataclass(frozen=True)
class Project:
    """An app that compiles incrementally: where its sources and its outputs are, and which builds it may go on from."""

    source: Path
    root: Path
    out: Path
    family: str


def project(source: Path, tied: object) -> Project | None:
    """The project, or None where tsconfig.json does not ask for it or says too little.

    A build goes on from another one only with the same `tied` (whatever else decides it), the same tsconfig.json and
    package.json, and files of the same names: what was made of a file that is gone must not stay.
    """
    try:
        text = (source / "tsconfig.json").read_text("utf-8")
        options = json.loads(TRAILING.sub("", COMMENT.sub(lambda found: found[1] or " ", text)))[
            "compilerOptions"
        ]
        root, out = source / str(options["rootDir"]), source / str(options["outDir"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if options.get("incremental") is not True or {"tsBuildInfoFile", "outFile"} & set(options):
        return None
    if source not in out.resolve().parents or out.exists():
        return None
    parts = {
        "tied": tied,
        "tsconfig": text,
        "package": inputs.files(source, ["package.json"]),
        "names": sorted(path.relative_to(source).as_posix() for path in _files(source)),
    }
    return Project(source, root, out, f"tsc-{inputs.digest(parts)}")


def lay(cache: Cache, project: Project) -> list[Path]:
    """Lay what the last build of the family made; gives the files."""
    key = cache.note(project.family)
    entry = cache.entry("incremental", key) if key else None
    if entry is None:
        return []
    laid = []
    for file in _files(entry / "files"):
        target = project.source / file.relative_to(entry / "files")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        os.utime(target, (OLD, OLD))
        laid.append(target)
    return laid


def clear(project: Project, laid: list[Path]) -> None:
    """Remove what was laid and belongs to no file of the program any more."""
    program, out = _program(project), project.out.relative_to(project.source).as_posix()
    for file in laid:
        stem = WRITTEN.sub("", file.relative_to(project.source).as_posix())
        gone = (
            file.stat().st_mtime == OLD
            and stem.startswith(f"{out}/")
            and stem.removeprefix(f"{out}/") not in program
        )
        if gone:
            file.unlink()
            _tidy(file.parent, project.out)


def _tidy(folder: Path, out: Path) -> None:
    """A folder that is empty now would not be there either."""
    while folder != out and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


async def keep(cache: Cache, project: Project, key: str) -> None:
    """Keep what this build made, for the next one. Raises BuildError when the cache cannot be written."""
    if not list(project.source.glob(STATE)):
        return

    async def make(entry: Path) -> None:
        await disk.whole(_take, project, entry / "files")

    await cache.make("incremental", key, make)
    cache.remember(project.family, key)


def _take(project: Project, into: Path) -> None:
    outputs = [file for file in _files(project.out) if WRITTEN.search(file.name)]
    for file in [*project.source.glob(STATE), *outputs]:
        target = into / file.relative_to(project.source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _program(project: Project) -> set[str]:
    """The files that tsc compiled, below rootDir and without their endings, as its state names them."""
    found: set[str] = set()
    for file in project.source.glob(STATE):
        state: Any = json.loads(file.read_text("utf-8"))
        names = state.get("fileNames") or (state.get("program") or {}).get("fileNames") or []
        for name in names:
            path = Path(os.path.normpath(file.parent / str(name)))
            if path.is_relative_to(project.root):
                found.add(SOURCE.sub("", path.relative_to(project.root).as_posix()))
    return found


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("node_modules", ".git")]
        yield from (Path(where, name) for name in names)
