"""What is deployed: the sample, and the same with as many files in node_modules as large apps have."""

from __future__ import annotations

import gzip
import io
import json
import random
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.site import Site

FILES = 11_250
"""With the sample's own 6,755 files and 240 MB this makes 18,000 and 250 MB."""
SIZE = 900
"""Bytes of each."""
WORDS = [f"{first}{last}" for first in ("get", "set", "map", "run", "fold") for last in "ABCDEFGHIJKLMNOPQR"]


@dataclass(frozen=True)
class App:
    """`top` and `more` go into turnout.toml; `extra` are more files that a plain package has to hold."""

    name: str
    top: str = ""
    more: str = ""
    extra: str = ""
    add: Callable[[Site], None] = lambda site: None


def lock(site: Site, *packages: str) -> None:
    """Write the lock file anew, with these versions, and commit."""
    words = ["npm", "install", "--package-lock-only", "--save-exact", *packages]
    subprocess.run(
        words, cwd=site.repo / "backend", env=site._deployer_env(), check=True, capture_output=True
    )
    site.commit({}, f"Take {' '.join(packages) or 'the vendored package'}")


def _add_filler(site: Site) -> None:
    folder = site.repo / "backend/vendor"
    folder.mkdir()
    (folder / "filler-1.0.0.tgz").write_bytes(filler())
    file = site.repo / "backend/package.json"
    package = json.loads(file.read_text())
    package["dependencies"]["filler"] = "file:vendor/filler-1.0.0.tgz"
    file.write_text(json.dumps(package, indent=2) + "\n")
    lock(site)


def filler() -> bytes:
    """A package of npm with many small files, the same bytes each time."""
    chance, packed = random.Random(1), io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        _put(tar, "package.json", json.dumps({"name": "filler", "version": "1.0.0"}))
        for number in range(FILES):
            lines = [
                f"exports.{chance.choice(WORDS)}{chance.randrange(10_000)} = {chance.random()};"
                for _ in range(SIZE // 40)
            ]
            _put(tar, f"lib/{number // 100:03d}/{number:05d}.js", "\n".join(lines))
    return packed.getvalue()


def _put(tar: tarfile.TarFile, name: str, text: str) -> None:
    info = tarfile.TarInfo(f"package/{name}")
    info.size = len(text)
    tar.addfile(info, io.BytesIO(text.encode()))


VENDORED = """
[dependencies]
inputs = ["package.json", "package-lock.json", "prisma/schema.prisma", "prisma.config.*", "vendor/*"]
"""
APPS = {
    "sample": App("sample"),
    "large": App("large", more=VENDORED, extra="vendor", add=_add_filler),
}
