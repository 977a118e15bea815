"""What must not be left over when a command has ended, well or badly (DESIGN 9.7)."""

from __future__ import annotations

import itertools
from pathlib import Path

from tests.support.client import Run
from tests.support.site import Site, cache, strays, until
from turnout_host.children import MARK
from turnout_host.lease import Lease
from turnout_host.state import State


def ours(site: Site) -> list[int]:
    """Processes of the host program, the oldest first."""
    return sorted(pid for pid in strays(site.path) if b"turnout_host" in _read(pid, "cmdline"))


def role(pid: int) -> str:
    """What a process of the host program was started as: `serve`, `pointsman`, `pointsman-worker` or `boot`."""
    words = _read(pid, "cmdline").split(b"\0")
    after = (word for name, word in itertools.pairwise(words) if b"turnout_host" in name)
    return next(after, b"gone").decode()


def children(site: Site) -> list[int]:
    """Processes that the host program started and answers for: rehearsals, migrations, npm."""
    return [
        pid
        for pid in strays(site.path)
        if f"{MARK}={site.path}".encode() in _read(pid, "environ").split(b"\0")
    ]


def nothing_left(site: Site, *runs: Run) -> None:
    """No lease, no process, no temp folder, no unfinished release; and no checkout of `runs` on the deployer."""
    until(lambda: Lease(site.layout).holder() is None and not ours(site))
    assert children(site) == []
    assert _names(site.layout.tmp) == []
    state = State()
    for entry in site.journal():
        state.apply(entry)
    assert state.open is None
    unfinished = [name for name in _names(site.layout.releases) if state.releases[name]["state"] != "blessed"]
    assert unfinished == []
    deployments = {event["deployment"] for run in runs for event in run.events}
    assert [name for name in _names(cache() / "checkouts") if name[:24] in deployments] == []


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
