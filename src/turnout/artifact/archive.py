"""The classic package: a tar.gz whose bytes follow from its contents alone (sorted, no owner, one time for all)."""

from __future__ import annotations

import gzip
import os
import secrets
import tarfile
from collections.abc import Iterator, Sequence
from heapq import merge
from pathlib import Path

from turnout.artifact.manifest import Entry, Manifest
from turnout.errors import PackageError

MOMENT = 315_532_800
"""1 January 1980, of every member: the time of a build is no part of what was built. GNU tar warns of 1970."""
LEVEL = 6

Part = tuple[Manifest, Path]
"""A tree: its manifest, and the folder that holds it."""


def write(parts: Sequence[Part], file: Path, names: Sequence[str]) -> tuple[int, int]:
    """Write what lies at or below the top names `names` of all parts to `file`, whole or not at all; entries and bytes.

    Raises PackageError for a `.env`, which no package may carry.
    """
    members = merge(*(_members(part, names) for part in parts), key=lambda member: member[0].path)
    count, scratch = 0, file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with (
            scratch.open("xb") as raw,
            gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for entry, folder in members:
                _add(archive, entry, folder)
                archive.members.clear()  # type: ignore[attr-defined]  # it would remember each, with half a kilobyte
                count += 1
        scratch.rename(file)
    finally:
        scratch.unlink(missing_ok=True)
    return count, file.stat().st_size


def _members(part: Part, names: Sequence[str]) -> Iterator[tuple[Entry, Path]]:
    manifest, folder = part
    for entry in manifest.entries:
        top, *below = entry.path.split("/")
        if top not in names:
            continue
        if top == ".env" or (".env" in below and top != "node_modules"):
            raise PackageError(f"{entry.path} holds secrets and is never part of a package")
        yield entry, folder


def _add(archive: tarfile.TarFile, entry: Entry, folder: Path) -> None:
    info = tarfile.TarInfo(entry.path)
    info.mtime = MOMENT
    if entry.kind == "d":
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(info)
    elif entry.kind == "l":
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.target, 0o777
        archive.addfile(info)
    else:
        info.size, info.mode = entry.size, int(entry.mode, 8)
        with (folder / entry.path).open("rb") as file:
            if os.fstat(file.fileno()).st_size != entry.size:
                raise PackageError(
                    f"{entry.path} changed while it was packed", remedy="the same command again"
                )
            archive.addfile(info, file)
