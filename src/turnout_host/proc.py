"""What the kernel says of processes and ports, read from /proc.

A pid alone proves little: PM2 may list one that died, or a number that was given away again. Start time, folder and
listening sockets come from the kernel (DESIGN 1 P3).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

TICK = 1.0 / os.sysconf("SC_CLK_TCK")
"""Seconds: how exactly `started` is known, usually 0.01."""

LISTENING = "0A"
"""The state of a listening socket in /proc/net/tcp."""

LOOPBACK = {
    "00000000",
    "0100007F",
    "00000000000000000000000000000000",
    "00000000000000000000000001000000",
    "0000000000000000FFFF00000100007F",
}
"""0.0.0.0, 127.0.0.1, ::, ::1 and ::ffff:127.0.0.1 in /proc/net/tcp: who listens there may get our probe."""


class _Socket(NamedTuple):
    address: str
    port: int
    inode: str


def now() -> float:
    """Seconds since boot, suspended time included: the clock of `started`."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Changes with every boot; start times of different boots cannot be compared."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def alive(pid: int) -> bool:
    """Does this process run? A zombie has ended."""
    return _stat(pid)[:1] not in ([], ["Z"], ["X"])


def started(pid: int) -> float:
    """Seconds since boot at which the process was started, exact to a TICK; 0.0 when it is gone."""
    fields = _stat(pid)
    return int(fields[19]) * TICK if len(fields) > 19 else 0.0


def cwd(pid: int) -> Optional[str]:
    """The folder that the process works in, real path; None when it is gone or not ours to see."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def arguments(pid: int) -> List[str]:
    """What the process was started with; [] when it is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return raw.decode("utf-8", "replace").split("\0")


def cmdline(pid: int) -> str:
    """Its command line for people, at most 200 characters; "" when it is gone."""
    return " ".join(arguments(pid)).strip()[:200]


def environ_keys(pid: int) -> Set[str]:
    """Names (never values) of the environment that the process was started with."""
    return set(environ(pid))


def environ(pid: int) -> Dict[str, str]:
    """The environment that the process was started with; {} when it is gone or not ours to see. Holds secrets."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = [entry.decode("utf-8", "replace").partition("=") for entry in raw.split(b"\0")]
    return {key: value for key, equals, value in pairs if equals}


def parent(pid: int) -> int:
    """The pid of its parent; 0 when there is none."""
    fields = _stat(pid)
    return int(fields[1]) if len(fields) > 1 else 0


def children(pid: int) -> List[int]:
    """Pids of the processes that it started and that still run."""
    return [other for other in pids() if parent(other) == pid and alive(other)]


def family(pid: int) -> Set[int]:
    """The process and everything that descends from it."""
    by_parent: Dict[int, List[int]] = {}
    for other in pids():
        by_parent.setdefault(parent(other), []).append(other)
    found, waiting = set(), [pid]
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting.extend(child for child in by_parent.get(one, []) if child not in found)
    return found


def ancestors(pid: int) -> List[int]:
    """The process, its parent, and so on; [] when it is gone."""
    found: List[int] = []
    while pid > 1 and pid not in found and alive(pid):
        found.append(pid)
        pid = parent(pid)
    return found


def listening(pid: int) -> List[int]:
    """TCP ports that the process or one of its descendants listens on."""
    inodes: Set[str] = set()
    for member in family(pid):
        inodes |= _inodes(member)
    return sorted({socket.port for socket in _listeners() if socket.inode in inodes})


def owner(port: int) -> Optional[Tuple[int, str]]:
    """Who takes connections to this port on the loopback: pid and command line; None when nobody, or hidden from us."""
    found = owners(port)
    return (found[0], cmdline(found[0])) if found else None


def owners(port: int) -> List[int]:
    """Pids of all processes that hold a socket which takes loopback connections to this port."""
    wanted = {socket.inode for socket in _listeners() if socket.port == port and socket.address in LOOPBACK}
    return [pid for pid in pids() if wanted & _inodes(pid)] if wanted else []


def _stat(pid: int) -> List[str]:
    """The fields of /proc/PID/stat from the third on: the second is a name that may hold spaces and parentheses."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes().decode("utf-8", "replace")
    except OSError:
        return []
    return text[text.rfind(")") + 2 :].split()


def pids() -> List[int]:
    """All processes, lowest number first."""
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def _inodes(pid: int) -> Set[str]:
    """Inodes of the sockets that a process holds; none when it is another user's."""
    folder, found = f"/proc/{pid}/fd", set()
    try:
        names = os.listdir(folder)
    except OSError:
        return set()
    for name in names:
        try:
            target = os.readlink(f"{folder}/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _listeners() -> Iterator[_Socket]:
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING:
                address, _, port = fields[1].rpartition(":")
                yield _Socket(address, int(port, 16), fields[9])
