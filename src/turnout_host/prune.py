"""Which releases, layers and contents may go. What to keep is a pure choice; the rest is removal."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any, Collection, Dict, List, Optional, Set

from turnout_host import boot, facts, layers, manifest, releases, survey, switch
from turnout_host.errors import StoreError
from turnout_host.journal import Journal
from turnout_host.layout import Layout
from turnout_host.state import State
from turnout_host.store import Store

PROGRAMS = 2
"""Host programs that stay beside the running one and the one that a boot starts."""


def kept(state: State, running: Optional[str], keep: int) -> List[str]:
    """The running release, `keep` blessed ones before it, the pinned ones, and what an open activation still needs."""
    before = [str(one["release"]) for one in state.blessed() if one["release"] != running]
    needed = [running, state.serving, *before[:keep], *(state.unfinished())]
    needed += [name for name, one in state.releases.items() if one.get("adopted")]  # not made by us
    needed += [name for name, record in state.releases.items() if record.get("pinned")]
    if state.open:
        needed += [state.open["release"], state.open.get("previous")]
    return [name for name in dict.fromkeys(needed) if name]


def prune(
    layout: Layout, journal: Journal, store: Store, keep: int, coming: Collection[str] = ()
) -> Dict[str, Any]:
    """Remove what `kept` leaves out, then layers and contents that no release needs. Returns names and bytes freed.

    `coming` are manifests (digests) that are about to be laid out: what is here of them stays.
    """
    wanted = kept(journal.state, survey.running(layout), keep)
    known = {*journal.state.releases, *journal.state.doomed}
    removed = [name for name in releases.names(layout) if name in known and name not in wanted]
    before = int(store.disk()["free"])
    for name in removed:
        journal.append("release.pruned", None, release=name)
        releases.remove(layout, name)
    needed = _layers(layout, journal.state, wanted)
    for key in layers.keys(layout):
        if key not in needed:
            layers.remove(layout, key)
    manifests = _manifests(journal.state, wanted, needed) | set(coming)
    _collect(store, manifests)
    for path in layout.manifests.iterdir():
        if path.name not in manifests:
            path.unlink()
    _host_programs(layout)
    switch.trim_backups(layout)
    return {"removed": removed, "freed": max(0, int(store.disk()["free"]) - before)}


def _host_programs(layout: Layout) -> None:
    """Remove those of earlier versions, but for PROGRAMS: another deployer may be about to start one."""
    mine = {os.path.realpath(sys.argv[0]), os.path.realpath(str(layout.bin / boot.NAME))}
    others = [path for path in layout.bin.glob("turnout_host-*.pyz") if str(path.resolve()) not in mine]
    for path in sorted(others, key=lambda path: -path.stat().st_mtime)[PROGRAMS:]:
        shutil.rmtree(f"{path}.d", ignore_errors=True)  # the same, compiled (loader.py)
        path.unlink()


def _collect(store: Store, manifests: Set[str]) -> None:
    """Remove contents that no manifest names. Where one is hurt, what some tree still links stays as well."""
    needed: Set[bytes] = set()
    whole = True
    for digest in manifests:
        try:
            needed.update(manifest.key(entry.blob) for entry in store.manifest(digest) if entry.kind == "f")
        except StoreError:
            whole = False
    store.collect(needed, linked_too=whole)


def _layers(layout: Layout, state: State, wanted: List[str]) -> Set[str]:
    """Layers of the kept releases, and those of a running daemon (DESIGN 2: never collected)."""
    needed: Set[str] = set()
    for name in wanted:
        record = state.releases.get(name, {})
        runs = record.get("toolchain") or {}
        needed.update(key for key in (record.get("dependencies"), runs.get("node"), runs.get("pm2")) if key)
    daemon = facts.daemon(facts.pm2_home())
    if daemon:
        running = (f"node-{daemon['node']}-", f"pm2-{daemon['version']}-")
        needed.update(key for key in layers.keys(layout) if (key + "-").startswith(running))
    return needed


def _manifests(state: State, wanted: List[str], needed: Set[str]) -> Set[str]:
    found = {state.releases.get(name, {}).get("manifest") for name in wanted}
    found.update(state.layers.get(key) for key in needed)
    return {digest for digest in found if digest}
