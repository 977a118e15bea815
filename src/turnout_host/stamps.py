"""Stamps of layers: what was hashed once need not be hashed again while the kernel says that nobody touched it.

No call sets a ctime: an edit in place renews it, also root's, also one that puts size and mtime back. A stamp has the
newest ctime of a tree that was hashed, and a digest of all else that lstat says. What has a newer one now is hashed,
the rest is as it was. Links renew ctimes, too: each staging links the schema, which Prisma copied into the layer.

A stamp is taken only where the newest ctime is older than the kernel's clock is coarse: no later edit has the same.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Collection, Dict, Iterator, List, NamedTuple, Optional, Tuple

from turnout_host import proc

Stamp = Dict[str, Any]
"""As it stands in the journal: `tree`, `changed`, `booted` of a look."""
SECOND = 10**9
TICK = SECOND // 50
"""The kernel stamps files by a clock that moves every 10 ms at most; in nanoseconds, with as much to spare."""
STEP = 0.005
"""Seconds that the clock may have been set by: less than what a tick has to spare."""
SETTLED = 1.5 * TICK / SECOND
"""Seconds after which what was changed just now is older than a tick."""
FEW = 1000
"""Paths that are hashed by themselves; where more were touched, all is hashed."""


class Look(NamedTuple):
    """A tree at one moment."""

    tree: str
    """The SHA-256 of all paths with what lstat says of them, but for ctimes; for this boot only."""
    began: int
    booted: float
    """When the machine was started, by today's clock: another moment as soon as that clock is set."""
    changed: int
    """The newest ctime in it, in nanoseconds."""
    written: int
    """The newest mtime of its files: a link that is made or removed does not renew it."""
    newer: List[str]
    """Paths whose ctime is newer than that of a stamp; not all, where they are more than FEW."""

    def stamp(self) -> Stamp:
        """What is kept of it."""
        return {"tree": self.tree, "changed": self.changed, "booted": self.booted}


def look(folder: Path, ignore: Collection[str] = (), known: Optional[Stamp] = None) -> Optional[Look]:
    """The tree as it is now, without the paths `ignore` and all below; None where it cannot be read.

    A power cut may lose a ctime and keep what was written, so a stamp counts for one boot.
    """
    began, booted, changed, written = time.time_ns(), round(time.time() - proc.now(), 4), 0, 0
    newer: List[str] = []
    try:
        sha = hashlib.sha256(proc.boot_id().encode("ascii"))
        for path, info in _walked(str(folder), ignore):
            line = f"{path}\0{info.st_mode:o}"
            if not path or not stat.S_ISDIR(info.st_mode):  # the top one stands for all of it, see `distrust`
                line += f" {info.st_ino} {info.st_size} {info.st_mtime_ns}"
                changed = max(changed, info.st_ctime_ns)
                if stat.S_ISREG(info.st_mode):
                    written = max(written, info.st_mtime_ns)
                if known and info.st_ctime_ns > known["changed"] and len(newer) <= FEW:
                    newer.append(path)
            sha.update(os.fsencode(f"{line}\n"))
    except OSError:
        return None
    return Look(sha.hexdigest(), began, booted, changed, written, newer)


def left(known: Optional[Stamp], seen: Optional[Look]) -> Optional[List[str]]:
    """The paths that have to be hashed of a tree that had this stamp; None where all have to be."""
    if known is None or seen is None or not _same(known, seen.stamp()):
        return None
    return None if "" in seen.newer or len(seen.newer) > FEW else seen.newer


def hashed(before: Optional[Look], folder: Path, ignore: Collection[str] = ()) -> Optional[Stamp]:
    """The stamp of a tree that was hashed since the look `before`; None if it cannot be told from a later edit."""
    if before is None or not _before(before.changed, before.began):
        return None
    now = look(folder, ignore)
    same = now and now.changed == before.changed and _same(before.stamp(), now.stamp())
    return now.stamp() if now and same else None


def laid(began: int, folder: Path, ignore: Collection[str] = ()) -> Optional[Stamp]:
    """The stamp of a tree whose contents were all hashed since `began`, and then linked, which renewed each ctime.

    Who edited one meanwhile renewed its mtime; what else was done to it until now is not seen.
    """
    now = look(folder, ignore)
    sure = now and _before(now.written, began) and _before(now.changed, now.began)
    return now.stamp() if now and sure else None


def settle() -> None:
    """Wait until what was changed just now is older than a tick."""
    time.sleep(SETTLED)


def distrust(folder: Path) -> None:
    """Void its stamp, for what the kernel knows nothing of: a disk that forgot. Nothing but a ctime changes."""
    with suppress(OSError):
        os.lchown(str(folder), -1, -1)  # to whom it belongs already


def _same(one: Stamp, other: Stamp) -> bool:
    """The same tree, and nobody set the clock in between: ctimes can be compared."""
    return bool(one["tree"] == other["tree"] and abs(one["booted"] - other["booted"]) < STEP)


def _before(newest: int, moment: int) -> bool:
    """Can no change from `moment` on have this time, nor an earlier one? Some file systems keep whole seconds."""
    return newest < moment - (TICK if newest % SECOND else 2 * SECOND)


def _walked(root: str, ignore: Collection[str]) -> Iterator[Tuple[str, os.stat_result]]:
    """All paths with what lstat says. Only names are remembered: a folder may hold a hundred thousand."""
    yield "", os.lstat(root)
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        for name in sorted(os.listdir(f"{root}/{inside}")):
            path = inside + name
            if path not in ignore:
                info = os.lstat(f"{root}/{path}")
                yield path, info
                if stat.S_ISDIR(info.st_mode):
                    waiting.append(f"{path}/")
