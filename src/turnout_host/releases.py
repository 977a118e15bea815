"""Releases on disk: numbered trees v1, v2, …, laid from the store and never changed afterwards (DESIGN 5)."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Dict, Iterable, List, Sequence

from turnout_host import disk, layers
from turnout_host.compare import hash_file
from turnout_host.errors import UsageError
from turnout_host.layout import RELEASE, Layout
from turnout_host.manifest import Entry
from turnout_host.store import Store, full_disk


def stage(layout: Layout, store: Store, name: str, entries: Iterable[Entry], shared: Sequence[str]) -> None:
    """Lay a release out beside the running one, whole or not at all, with links for the `shared` names.

    What the artifact has at or below a shared name stays out: the shared one wins. Raises StoreError for bad blobs.
    """
    names = shared_names(shared)
    wanted = (entry for entry in entries if not any(_at_or_below(entry.path, one) for one in names))
    with full_disk(), disk.placed(layout.release(name), layout.tmp) as temp:
        store.fill(wanted, temp)
        for one in names:
            _share(layout, temp, one)


def install(layout: Layout, name: str, layer_key: str) -> None:
    """Make the release's node_modules one absolute link to its dependency layer, in one step."""
    if not layers.exists(layout, layer_key):
        raise UsageError(f"there is no layer {layer_key}")
    disk.link(
        layout.release(name) / "node_modules", str(layout.layer(layer_key) / "node_modules"), layout.tmp
    )


def seal(layout: Layout, name: str) -> None:
    """Make the release's own folders read-only; its links lead out of it and are left alone. Comes after dotenv."""
    disk.seal(layout.release(name))


def unlock(tree: Path) -> None:
    """Make the folders of a sealed tree writable for their owner, so that it can be removed."""
    disk.unlock(tree)


def remove(layout: Layout, name: str) -> None:
    """Remove a release, sealed or not; what it shares with others stays."""
    disk.remove(layout.release(name), layout.tmp)


def names(layout: Layout) -> List[str]:
    """The releases that are there, lowest number first."""
    found = [
        path.name for path in layout.releases.iterdir() if RELEASE.match(path.name) and not path.is_symlink()
    ]
    return sorted(found, key=lambda name: int(name[1:]))


def size(path: Path) -> int:
    """The bytes of disk that removing this tree would give back; what the store links, too, gives nothing back."""
    total = 0
    for folder, _, files in os.walk(str(path)):
        total += os.lstat(folder).st_blocks * 512
        for file in files:
            info = os.lstat(f"{folder}/{file}")
            total += info.st_blocks * 512 if info.st_nlink == 1 else 0
    return total


def migrations(folder: Path) -> Dict[str, str]:
    """The migrations of a release: name to the SHA-256 of its migration.sql."""
    found = sorted((folder / "prisma" / "migrations").glob("*/migration.sql"))
    return {path.parent.name: hash_file(str(path)) for path in found}


def _share(layout: Layout, tree: Path, name: str) -> None:
    """Link `name` to `shared/`. A folder is made if missing; one with an ending (`app.db`) is a file of the app's."""
    target, link = layout.shared / name, tree / name
    made = target.parent if target.suffix else target
    made.mkdir(parents=True, exist_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    os.symlink(str(target), str(link))


def shared_names(shared: Sequence[str]) -> List[str]:
    """Checked, each once, and without those below another one: a link there would land inside `shared/`."""
    found = {_shared_name(name) for name in shared}
    return sorted(name for name in found if not any(name.startswith(other + "/") for other in found))


def _shared_name(name: str) -> str:
    path = PurePosixPath(name)
    if (
        not name
        or path.is_absolute()
        or ".." in path.parts
        or not path.parts
        or path.parts[0] in (".env", "node_modules")
    ):
        raise UsageError(f"not a name that releases can share: {name!r}")
    return str(path)


def _at_or_below(path: str, name: str) -> bool:
    return path == name or path.startswith(name + "/")
