"""An upload by itself: one tree of 18,000 files to a host that has an older version, by Turnout and by rsync.

Turnout's time is that of a process that connects while it hashes the tree, asks what is lacking, sends it and has it
laid out; rsync's that of `rsync -az --link-dest` over OpenSSH. No npm, no PM2, no deployment around it. The cases are
those of CASES with the same names; in `fresh` all files got new times, too, as on a new CI runner.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.benchmarks.apps import MANY
from tests.benchmarks.link import LINKS, LinkProcess, opened
from tests.benchmarks.results import Key, Results
from tests.support.site import remove
from tests.support.sshd import RealSshd
from turnout.artifact import tree
from turnout.artifact.tree import Tree
from turnout.builder.cache import Cache
from turnout.events import Bus
from turnout.hosts.client import HostClient
from turnout.hosts.ssh import SSHTransport
from turnout.model import Address, Secret
from turnout.steps.send import send
from turnout.steps.work import Target

SAMPLE = Path(__file__).parents[2] / "examples/blue-video-backend"
APP = "upload"
"""In the place of an app's name in the results."""
CASES = ("first", "code", "dependency", "prisma", "fresh")
TIMES = 3
"""For a median; a first upload is measured once."""


def run(results: Results, links: Iterable[str], *, again: bool) -> None:
    """Measure what `results` lacks."""
    keys = [(link, case) for link in links for case in CASES]
    missing = [pair for pair in keys if again or not results.runs(Key(APP, pair[0], "rsync", pair[1]))]
    if not missing:
        return
    with tempfile.TemporaryDirectory(prefix="tn-uploads-") as folder, _server(Path(folder)) as server:
        for case in dict.fromkeys(case for _, case in missing):
            trees = Trees(Path(folder) / case, case)
            for link in (link for link, one in missing if one == case):
                with opened(server.sshd.port, LINKS[link]) as way:
                    _measure(results, link, case, trees, server, way)
            remove(trees.folder)


def _measure(results: Results, link: str, case: str, trees: Trees, server: Server, way: LinkProcess) -> None:
    found: dict[str, list[dict[str, Any]]] = {"turnout": [], "rsync": []}
    for _ in range(1 if case == "first" else TIMES):
        for name, (prepare, argv) in {
            "turnout": (lambda: server.give(trees), server.sender(trees, way.port)),
            "rsync": (lambda: server.copy(trees), server.rsync(trees, way.port)),
        }.items():
            prepare()
            before, began = way.figures(), time.monotonic()
            subprocess.run(argv, check=True, capture_output=True)
            wall, after = time.monotonic() - began, way.figures()
            found[name].append({"wall": wall, **{one: after[one] - before[one] for one in ("up", "down")}})
            print(
                f"{APP} / {link} / {name} / {case}: {wall:.2f} s, {found[name][-1]['up']:,} bytes", flush=True
            )
    for name, runs in found.items():
        results.put(Key(APP, link, name, case), runs)


class Trees:
    """What is sent, and what the host has of it before (nothing in `first`), as the deployer's cache keeps them."""

    def __init__(self, folder: Path, case: str) -> None:
        self.folder = folder
        self.new, self.old = folder / "layers/new", folder / "layers/old"
        _app(self.new)
        if case == "first":
            return
        if case in EDITS:
            _app(self.old, EDITS[case])
        else:
            subprocess.run(["cp", "-a", str(self.new), str(self.old)], check=True)
            for path in sorted(self._files(self.new, "src/**/*.ts"))[:4]:
                path.write_text(f"{path.read_text()}// one line more\n")
        tree.seal(self.old)
        self._times(fresh=case == "fresh")

    @property
    def has_old(self) -> bool:
        """Whether the host has anything."""
        return self.old.exists()

    @staticmethod
    def _files(entry: Path, pattern: str) -> Iterator[Path]:
        return (
            path for path in tree.folder_of(entry).glob(pattern) if path.is_file() and not path.is_symlink()
        )

    def _times(self, *, fresh: bool) -> None:
        """Equal files get equal times, or rsync would read and compare all of them; `fresh`: none has."""
        before = Tree.load("old", self.old).manifest.files
        blobs = {entry.path: entry.blob for entry in before}
        for entry in tree.seal(self.new).files:
            old, new = (tree.folder_of(one) / entry.path for one in (self.old, self.new))
            if fresh:
                os.utime(new, (1, 1))
            elif blobs.get(entry.path) == entry.blob:
                shutil.copystat(old, new)


def _pinned(package: str, version: str) -> Callable[[Path], None]:
    """Another version of a package; npm changes the rest of the lock file no more than it must."""

    def edit(app: Path) -> None:
        file = app / "package.json"
        file.write_text(re.sub(rf'("{package}": )"[^"]+"', rf'\1"{version}"', file.read_text()))

    return edit


EDITS = {
    "dependency": _pinned("dotenv", "16.6.0"),
    "prisma": _pinned(r"(?:@prisma/[a-z-]+|prisma)", "6.19.2"),
}
"""What the older version is made by."""


def _app(entry: Path, edit: Callable[[Path], None] | None = None) -> None:
    """The large app with its production dependencies, in one tree."""
    app = tree.folder_of(entry)
    shutil.copytree(SAMPLE, app, ignore=shutil.ignore_patterns("node_modules", "dist"))
    if edit:
        edit(app)
    words = ["npm", "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", *MANY]
    subprocess.run(words, cwd=app, check=True, capture_output=True)


class Server:
    """An sshd, and the two folders to which is sent."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.sshd = folder, RealSshd(folder / "vps")
        self.path, self.plain = folder / "app", folder / "plain"

    def give(self, trees: Trees) -> None:
        """By Turnout it has the older version and nothing else."""
        if self.path.exists():
            remove(self.path)
        if trees.has_old:
            argv = self.sender(trees, self.sshd.port, only_old=True)
            subprocess.run(argv, check=True, capture_output=True)

    def copy(self, trees: Trees) -> None:
        """The same for rsync."""
        if self.plain.exists():
            remove(self.plain)
        self.plain.mkdir()
        if trees.has_old:
            subprocess.run(["cp", "-a", str(tree.folder_of(trees.old)), str(self.plain / "v1")], check=True)

    def sender(self, trees: Trees, port: int, *, only_old: bool = False) -> list[str]:
        """This module as a program, on its way through `port`."""
        told = {
            "port": port,
            "user": self.sshd.user,
            "key": str(self.sshd.client_key),
            "known": self._known(port),
            "path": str(self.path),
            "cache": str(trees.folder),
            "new": "old" if only_old else "new",
            "old": "old" if trees.has_old and not only_old else None,
        }
        return [sys.executable, "-m", __spec__.name, json.dumps(told)]

    def rsync(self, trees: Trees, port: int) -> list[str]:
        """As people write it."""
        known = self.folder / "known_hosts"
        known.write_text(self._known(port))
        shell = f"ssh -F none -i {self.sshd.client_key} -p {port} -o UserKnownHostsFile={known} -o IdentitiesOnly=yes"
        lean = ["--link-dest=../v1/"] if trees.has_old else []
        target = f"{self.sshd.user}@127.0.0.1:{self.plain}/v2/"
        return ["rsync", "-az", *lean, "-e", shell, f"{tree.folder_of(trees.new)}/", target]

    def _known(self, port: int) -> str:
        return self.sshd.host_key_line.replace(str(self.sshd.port), str(port))


@contextmanager
def _server(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    try:
        yield server
    finally:
        server.sshd.stop()


async def _send(told: dict[str, Any]) -> None:
    """The steps of a deployment that send a layer, and no others."""
    cache = Cache(Path(told["cache"]))
    entry = cache.root / "layers" / told["new"]
    sealing = asyncio.create_task(asyncio.to_thread(tree.seal, entry))
    address = Address("127.0.0.1", told["user"], told["port"])
    transport = SSHTransport(address, Secret(Path(told["key"]).read_text()), told["known"])
    async with await HostClient.open(transport, told["path"]) as client:
        lease = await client.call(
            "acquire", deployment="d", by="bench", command="deploy", wait=0, work="deploy"
        )
        client.token = lease["token"]
        await sealing
        host = Target(address, client, layers={"dependencies": told["new"]})
        record = {"release": "v1", "dependencies": told["old"]}
        host.state = {"running": "v1", "layers": [], "releases": [record] if told["old"] else []}
        work: Any = SimpleNamespace(
            layers={told["new"]: Tree.load(told["new"], entry)},
            cache=cache,
            bus=Bus("d"),
            config=SimpleNamespace(release=SimpleNamespace(keep=5)),
            note=print,
            notes=[],
            listen=lambda step, host: lambda event: None,
        )
        await send(work, host, "upload", artifact=False)


if __name__ == "__main__":
    asyncio.run(_send(json.loads(sys.argv[1])))
