"""The link `current` and the links under `backups/`: moved by rename(2), read back afterwards (DESIGN 5).

`ln -sfn` onto a real folder would put the link inside it and exit 0 (FACTS); a rename refuses, and so does this.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import List, Optional

from turnout_host import disk
from turnout_host.errors import HostError, SurveyError
from turnout_host.layout import Layout

BACKUP = "backup-%Y%m%d-%H%M%S"
BACKUPS = 5
"""How many links under `backups/` are kept (the spec's "last 5 backups")."""


def kind(layout: Layout) -> str:
    """What `current` is: `link`, `folder`, `missing` or `other`."""
    if layout.current.is_symlink():
        return "link"
    if layout.current.is_dir():
        return "folder"
    return "other" if os.path.lexists(str(layout.current)) else "missing"


def target(layout: Layout) -> Optional[Path]:
    """The real path that `current` leads to, or None when it leads nowhere."""
    try:
        return layout.current.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def point(layout: Layout, folder: Path) -> None:
    """Lead `current` to `folder`, in one step that no reader can see half done."""
    if kind(layout) in ("folder", "other"):
        raise SurveyError("`current` is not a link any more", where=str(layout.current))
    if not folder.is_dir():
        raise HostError(f"{folder.name} is not there any more", where=str(folder))
    disk.link(layout.current, str(folder), layout.tmp)
    if target(layout) != Path(os.path.realpath(str(folder))):
        raise HostError(f"`current` was led to {folder.name}, but leads to {target(layout)}")


def remove(layout: Layout) -> None:
    """Take `current` away: after a first release that could not be proved."""
    if kind(layout) == "link":
        layout.current.unlink()
        disk.sync_folder(layout.path)


def back_up(layout: Layout, folder: Path, name: str) -> None:
    """Make `backups/NAME`, a link to the release that is about to be replaced; one that is there already stays."""
    link = layout.backups / name
    if not os.path.lexists(str(link)):
        os.symlink(str(folder), str(link))
        disk.sync_folder(layout.backups)


def backup_name(layout: Layout, now: Optional[float] = None) -> str:
    """A free name `backup-YYYYMMDD-HHMMSS` (the spec's), in the host's local time.

    Where that was set back, or summer time ends, it counts on from the newest: else the new one would be the oldest,
    and the first to be trimmed.
    """
    newest = max((link.name for link in links(layout) if _moment(link.name)), default="")
    moment = max(time.time() if now is None else now, _moment(newest))
    while True:
        name = time.strftime(BACKUP, time.localtime(moment))
        if name > newest and not os.path.lexists(str(layout.backups / name)):
            return name
        moment += 1


def _moment(name: str) -> float:
    """The time that a backup's name says; 0 where it says none."""
    try:
        return time.mktime(time.strptime(name, BACKUP))
    except (ValueError, OverflowError):
        return 0.0


def drop_backup(layout: Layout, name: Optional[str]) -> None:
    """Remove the link of a switch that was reverted."""
    if name and (layout.backups / name).is_symlink():
        (layout.backups / name).unlink()


def links(layout: Layout) -> List[Path]:
    """Our links under `backups/`, newest first; real folders there are somebody's backups and never ours."""
    found = [path for path in layout.backups.glob("backup-*") if path.is_symlink()]
    return sorted(found, key=lambda path: path.name, reverse=True)


def trim_backups(layout: Layout) -> None:
    """Keep the newest BACKUPS links, and none that leads nowhere."""
    whole = [link for link in links(layout) if link.exists()]
    for link in links(layout):
        if link not in whole[:BACKUPS]:
            link.unlink()
