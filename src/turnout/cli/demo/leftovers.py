"""Ends what a demo's server left running: PM2's daemon and its workers, a pointsman at work, a build on the host."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

PATIENCE = 10.0
"""Seconds after which what still runs is left alone: a process that not even SIGKILL ends."""
PAUSE = 0.02


def end_all(folder: Path) -> None:
    """Kill every process whose HOME is in the folder, until there is none: a dying one may just have started another.

    Nothing needs time to end, since all that these processes work on goes with the folder. Other systems than
    Linux have no /proc, and the host program does not run there either.
    """
    give_up = time.monotonic() + PATIENCE
    while (found := processes(folder)) and time.monotonic() < give_up:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(PAUSE)


def processes(folder: Path) -> list[int]:
    """The processes that were started with a HOME in `folder`: every one of the server's, because they hand it on."""
    home, own = f"HOME={folder}/".encode(), os.getpid()
    return [pid for pid in _pids() if pid != own and any(part.startswith(home) for part in _environ(pid))]


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names are all it takes
    except FileNotFoundError:
        return []


def _environ(pid: int) -> list[bytes]:
    """What the process was started with; nothing for a zombie, one that is gone, or another user's."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
