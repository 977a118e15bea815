"""Bytes that an upload of the sample takes, beside those of rsync: `python -m tests.benchmarks.sizes` (needs npm).

Counted are the manifests and the stream; the other calls of a deployment take a few kB more. rsync talks over a pipe
to itself, with the options of FACTS.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.sending import packed, upload
from turnout.artifact import patch, tree
from turnout.artifact.tree import Tree
from turnout_host.host import Host

SAMPLE = Path(__file__).parents[2] / "examples/blue-video-backend"


class Row(NamedTuple):
    """What one case took: bytes of manifests and stream, seconds, and rsync's bytes (None where it is not there)."""

    case: str
    manifest: int
    stream: int
    seconds: float
    rsync: int | None


def measure(folder: Path) -> list[Row]:
    """All cases, in order."""
    new = _app(folder / "new")
    host = Host(str(folder / "app"))
    first = _sent(host, "first upload", new, None, folder)
    edits = {
        "four files of code": lambda app: [_append(path) for path in sorted(app.rglob("src/**/*.ts"))[:4]],
        "one dependency (dotenv)": lambda app: _pin(app, "dotenv", "16.6.0"),
        "Prisma 6.19.2 to 6.19.3": lambda app: _pin(app, r"(?:@prisma/[a-z-]+|prisma)", "6.19.2"),
    }
    return [first, *(_case(folder / str(at), name, edits[name], new) for at, name in enumerate(edits))]


def _case(folder: Path, name: str, edit: Callable[[Path], object], new: Tree) -> Row:
    """What it takes from the edited, older sample to the new one."""
    old = _app(folder / "old", edit)
    host = Host(str(folder / "app"))
    upload(host, [packed(host, old)])
    return _sent(host, name, new, old, folder)


def _sent(host: Host, case: str, new: Tree, old: Tree | None, folder: Path) -> Row:
    started = time.monotonic()
    data = packed(host, new, old)
    seconds = time.monotonic() - started
    offer = patch.offer(new.manifest, old.manifest if old else None)
    upload(host, [data])
    return Row(case, len(json.dumps(offer)), len(data), seconds, _rsync(new, old, folder / "rsync"))


def _app(entry: Path, edit: Callable[[Path], object] | None = None) -> Tree:
    """The sample with its production dependencies, as one tree."""
    app = tree.folder_of(entry)
    shutil.copytree(SAMPLE, app)
    if edit:
        edit(app)
    words = ["npm", "install", "--omit=dev", "--ignore-scripts"]
    subprocess.run(words, cwd=app, check=True, capture_output=True)
    tree.seal(entry)
    return Tree.load(entry.name, entry)


def _append(path: Path) -> None:
    path.write_text(path.read_text() + "// one line more\n")


def _pin(app: Path, package: str, version: str) -> None:
    """Another version of a package; npm changes the rest of the lock file no more than it must."""
    file = app / "package.json"
    file.write_text(re.sub(rf'("{package}": )"[^"]+"', rf'\1"{version}"', file.read_text()))


def _rsync(new: Tree, old: Tree | None, folder: Path) -> int | None:
    if not shutil.which("rsync"):
        return None
    folder.mkdir()
    shell = folder / "shell"
    shell.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    shell.chmod(0o755)
    lean = []
    if old:
        subprocess.run(["cp", "-a", str(old.folder), str(folder / "v1")], check=True)
        _same_times(old, new)
        lean = [f"--link-dest={folder}/v1"]
    words = ["rsync", "-az", "--stats", "-e", str(shell), *lean, f"{new.folder}/", f"host:{folder}/v2/"]
    plain = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    said = subprocess.run(words, check=True, capture_output=True, text=True, env=plain).stdout
    found = re.search(r"Total bytes sent: ([\d,]+)", said)
    assert found, said
    return int(found[1].replace(",", ""))


def _same_times(old: Tree, new: Tree) -> None:
    """Equal files get equal times, or rsync would read and compare all of them."""
    before = {entry.path: entry.blob for entry in old.manifest.entries if entry.kind == "f"}
    for entry in new.manifest.entries:
        if entry.kind == "f" and before.get(entry.path) == entry.blob:
            shutil.copystat(old.folder / entry.path, new.folder / entry.path)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="tn-sizes-") as folder:
        print("| | manifest | contents | both | s | rsync -az |\n| --- | --- | --- | --- | --- | --- |")
        for row in measure(Path(folder)):
            rsync = "-" if row.rsync is None else f"{row.rsync:,}"
            both = row.manifest + row.stream
            print(
                f"| {row.case} | {row.manifest:,} | {row.stream:,} | {both:,} | {row.seconds:.1f} | {rsync} |"
            )


if __name__ == "__main__":
    main()
