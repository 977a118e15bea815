"""Rotation by size, just before PM2 reloads the processes (docs/decisions/006).

The file is renamed. Old workers write on into it until they end, new ones open the fresh file, so no line is lost: a
copy that is cut loses what comes between, and PM2's `reloadLogs` throws away what a worker has not written yet.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import List

from turnout_host.logs.files import Log, logs


def rotate(folder: Path, max_size: int, keep: int) -> List[str]:
    """Turn every log over `max_size` bytes; `keep` older turns stay. Returns the names of those that were turned.

    One that cannot be (logrotate is at it, the folder is somebody else's) is left as it is.
    Only to be called when a reload follows: the processes that run now write on into the file that was renamed.
    """
    turned = []
    for family in logs(folder).values():
        now = family[-1]
        if now.turn == 0 and now.size > max_size:
            with contextlib.suppress(OSError):  # a log that stays large is no reason to take a release back
                _turn(family, max(1, keep))
                turned.append(now.path.name)
    return turned


def _turn(family: List[Log], keep: int) -> None:
    now = family[-1]
    for one in family[:-1]:  # the oldest first, so that none is written over
        if one.turn >= keep:
            one.path.unlink()
        else:
            os.rename(str(one.path), f"{now.path}.{one.turn + 1}")
    mode, owner = now.path.stat().st_mode & 0o777, now.path.stat()
    os.rename(str(now.path), f"{now.path}.1")
    with contextlib.suppress(OSError):  # for `tail -f` of people; PM2 makes it as well
        descriptor = os.open(str(now.path), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode)
        try:
            os.fchmod(descriptor, mode)
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        finally:
            os.close(descriptor)
