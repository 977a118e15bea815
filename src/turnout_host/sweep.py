"""Leftovers of dead runs: swept on contact, under the lease, so that nobody has to (DESIGN 9.7)."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import List

from turnout_host import children, disk, proc, releases, switch
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
        if name == layout.name_of(switch.target(layout)):
            continue
        if journal.state.useless(name):
            releases.remove(layout, name)
        elif name not in journal.state.releases:
            done.append(f"the journal does not know {name}: left alone, {layout.release(name)}")
    disk.sweep(layout.tmp)
    return done


def _forgotten(layout: Layout) -> List[int]:
    ended = []
    for pid in proc.pids():
        env = proc.environ(pid) if pid != os.getpid() else {}
        if env.get(children.MARK) != str(layout.path) or _of_pm2(pid):
            continue
        if children.at_work(env.get(children.OWNER, "")):
            continue  # somebody looks at the status over a connection of his own
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            ended.append(pid)
    return ended


def _of_pm2(pid: int) -> bool:
    """A PM2 daemon, or what one runs, is never ours to end: other apps live there."""
    return any("God Daemon" in proc.cmdline(one) for one in proc.ancestors(pid))
