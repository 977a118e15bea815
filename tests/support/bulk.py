"""`python -m tests.support.bulk OLD NEW APP`: upload two trees over the local link; print each program's peak memory.

Of a tree that has a manifest only, the host is asked what it lacks.
In a process of its own, with all that the command line loads: VmHWM of /proc is the peak of one program's memory.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from turnout.artifact import patch
from turnout.artifact.stream import lacking, stream
from turnout.artifact.tree import Tree
from turnout.cli import main as everything
from turnout.hosts.client import HostClient
from turnout.hosts.local import LocalTransport


def peak(pid: int | str) -> int:
    """Bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


async def send(client: HostClient, new: Tree, old: Tree | None) -> int:
    """As steps.send does it; the bytes that lay in the store afterwards and did not before."""
    answer = await client.call("lacks", manifests=[patch.offer(new.manifest, old.manifest if old else None)])
    bases = patch.pairs(old, new.manifest) if old else {}
    names = lacking([new.manifest], answer["lacking"])
    if not new.folder.exists():
        return 0
    source = (new.manifest, new.folder)
    stored = await client.upload(stream([source], names, bases=bases), "zstd")
    await client.call("lay_layer", key=new.key, manifest=new.digest)
    return int(stored["bytes"])


async def main(old: Path, new: Path, app: str) -> None:
    """One after the other."""
    assert everything
    trees = [Tree.load("old", old), Tree.load("new", new)]
    async with await HostClient.open(LocalTransport(), app) as client:
        client.token = (await client.call("acquire", deployment="d", by="ann"))["token"]
        sent = [await send(client, trees[0], None), await send(client, trees[1], trees[0])]
        found = {"deployer": peak("self"), "host": peak(client.hello["pid"]), "stored": sum(sent)}
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
