"""The host program as one file, the same bytes for the same sources, so that its digest tells whether a host has it."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "turnout_host"
MAIN = f"""import os
import sys

if os.path.isdir(sys.argv[0] + ".d"):  # the same modules, compiled (loader.py)
    sys.path.insert(0, sys.argv[0] + ".d")

from {PACKAGE}.__main__ import main

sys.exit(main())
"""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip file can name."""


@dataclass(frozen=True)
class Zipapp:
    """A packed program and the SHA-256 of its bytes."""

    content: bytes
    digest: str


def folder() -> Path:
    """Where the package lies. It is found, not imported: the deployer shares no code with it."""
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    assert places, f"{PACKAGE} is part of every installation"
    return Path(places[0])


@functools.cache
def packed() -> Zipapp:
    """The installed host program; packed once per process."""
    return pack(folder())


def pack(package: Path) -> Zipapp:
    """Pack the *.py files of a package under its name, sorted and with fixed dates, and an entry point."""
    sources = {str(file.relative_to(package.parent).as_posix()): file for file in package.rglob("*.py")}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        _add(archive, "__main__.py", MAIN.encode())
        for name in sorted(sources):
            _add(archive, name, sources[name].read_bytes())
    content = buffer.getvalue()
    return Zipapp(content, hashlib.sha256(content).hexdigest())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, wherever it is packed: part of the bytes
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)
