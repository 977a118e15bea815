"""Leftovers of dead runs: swept on contact, under the lease, so that nobody has to (DESIGN 9.7)."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import List

from turnout_host import children, disk, releases, switch
from turnout_host.journal import Journal
from turnout_host.layout import Layout


def sweep(layout: Layout, journal: Journal) -> List[str]:
    """End forgotten children, remove unfinished releases and temp files. Returns what was done, in words."""
    done = [f"ended process {pid} of an earlier run" for pid in _forgotten(layout)]
    for name in journal.state.unfinished():
        # the journal first: a folder without a good record is removed below, a record without a folder is not
        journal.append("release.failed", None, release=name, reason="its deployment ended half-way")
        done.append(f"removed unfinished {name}")
    for name in releases.names(layout):
        record = journal.state.releases.get(name)
        if name != layout.name_of(switch.target(layout)) and (
            record is None or record["state"] in ("failed", "reverted")
        ):
            releases.remove(layout, name)
    disk.sweep(layout.tmp)
    return done


def _forgotten(layout: Layout) -> List[int]:
    mark = f"{children.MARK}={layout.path}".encode()
    ended = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
                ended.append(int(entry.name))
        except OSError:
            continue
    return ended
