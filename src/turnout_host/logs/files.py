"""Which files are logs: `out.log`, `err.log`, PM2's `out-0.log` where the app does not merge them, and older turns."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Dict, List, NamedTuple

STREAMS = ("out", "err")
_NAME = re.compile(r"((out|err)(?:-\d{1,4})?)\.log(?:\.([1-9]\d{0,2}))?\Z")


class Log(NamedTuple):
    """One file; `turn` is 0 for the one that PM2 opens, 1 for the one before it, and so on."""

    family: str
    stream: str
    turn: int
    path: Path
    inode: int
    size: int
    mtime: float
    """Seconds since 1970."""


def logs(folder: Path) -> Dict[str, List[Log]]:
    """All log files by family (`out`, `err`, `out-1`), each oldest first. A link is not followed."""
    found: Dict[str, List[Log]] = {}
    try:
        names = os.listdir(str(folder))
    except FileNotFoundError:
        return {}
    for name in names:
        match = _NAME.match(name)
        if not match:
            continue
        try:
            info = (folder / name).lstat()
        except FileNotFoundError:  # rotated just now
            continue
        if stat.S_ISREG(info.st_mode):
            turn = int(match.group(3) or 0)
            one = Log(
                match.group(1),
                match.group(2),
                turn,
                folder / name,
                info.st_ino,
                info.st_size,
                info.st_mtime,
            )
            found.setdefault(one.family, []).append(one)
    return {family: sorted(turns, key=lambda one: -one.turn) for family, turns in sorted(found.items())}
