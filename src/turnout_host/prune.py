"""Which releases, layers and contents may go. What to keep is a pure choice; the rest is removal."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Set

from turnout_host import facts, layers, manifest, releases, survey
from turnout_host.journal import Journal
from turnout_host.layout import Layout
from turnout_host.state import State
from turnout_host.store import Store


def kept(state: State, running: Optional[str], keep: int) -> List[str]:
    """The running release, `keep` blessed ones before it, the pinned ones, and what an open activation still needs."""
    before = [str(one["release"]) for one in state.blessed() if one["release"] != running]
    needed = [running, state.serving, *before[:keep], *(state.unfinished())]
    needed += [name for name, record in state.releases.items() if record.get("pinned")]
    if state.open:
        needed += [state.open["release"], state.open.get("previous")]
    return [name for name in dict.fromkeys(needed) if name]


def prune(layout: Layout, journal: Journal, store: Store, keep: int) -> Dict[str, Any]:
    """Remove what `kept` leaves out, then layers and contents that no release needs. Returns names and bytes freed."""
    wanted = kept(journal.state, survey.running(layout), keep)
    removed = [name for name in releases.names(layout) if name not in wanted]
    before = int(store.disk()["free"])
    for name in removed:
        journal.append("release.pruned", None, release=name)
        releases.remove(layout, name)
    needed = _layers(layout, journal.state, wanted)
    for key in layers.keys(layout):
        if key not in needed:
            layers.remove(layout, key)
    manifests = _manifests(journal.state, wanted, needed)
    store.collect({blob for digest in manifests for blob in manifest.blobs(store.manifest(digest))})
    for path in layout.manifests.iterdir():
        if path.name not in manifests:
            path.unlink()
    return {"removed": removed, "freed": max(0, int(store.disk()["free"]) - before)}


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
