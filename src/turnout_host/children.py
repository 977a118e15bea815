"""Processes that the host program starts and answers for.

Each runs in a session of its own, is known here by pid until it is reaped, and is ended with its whole
group when the deployer goes away (DESIGN 6), except one that asked to `finish` (a migration).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Protocol, Sequence

from turnout_host import failpoints, output, proc

TAIL = 40
"""Lines of output that are kept for messages."""
MARK = "TURNOUT_CHILD"
"""Variable in the environment of every child of a connection, so that `sweep` finds those of a killed one."""
OWNER = "TURNOUT_CHILD_OF"
"""Variable beside it: the pid of the host program and when that was started."""


class Finished(NamedTuple):
    """How a command ended: its exit status (negative: the signal) and its last lines."""

    status: int
    tail: List[str]


_running: Dict[int, bool] = {}
_lock = threading.Lock()
_closing = False
_owner = ""
_lease: Optional[Held] = None


class Held(Protocol):
    """A lock that its holder may hand on: the lease."""

    descriptor: int


def own(path: str, lease: Optional[Held] = None) -> None:
    """From now on children carry MARK with the app's `path`. Not for the pointsman: PM2's daemon must outlive us.

    Those that must finish inherit `lease`: it is not free before they have ended, even when we are killed.
    """
    global _owner, _lease
    _owner, _lease = path, lease


def clean_env(path: Sequence[str], **more: str) -> Dict[str, str]:
    """A small environment: nothing of the SSH session leaks into an app (FACTS: PM2 keeps it for ever)."""
    keep = {
        key: os.environ[key]
        for key in ("HOME", "USER", "LOGNAME", "LANG", "SHELL", "TMPDIR")
        if key in os.environ
    }
    keep.setdefault("HOME", os.path.expanduser("~"))
    keep.setdefault("LANG", "C.UTF-8")
    keep["PATH"] = os.pathsep.join(
        [*path, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    )
    keep.update(more)
    return keep


def marks(path: str, pid: int) -> Dict[str, str]:
    """What tells whose child a process is. A pid may be used again, so its start time belongs to it."""
    return {MARK: path, OWNER: f"{pid}:{proc.started(pid):.2f}"}


def at_work(owner: str) -> bool:
    """Does another host program, named as in OWNER, still answer for its children?"""
    pid = int(owner.partition(":")[0]) if owner.partition(":")[0].isdigit() else 0
    return pid not in (0, os.getpid()) and proc.alive(pid) and marks("", pid)[OWNER] == owner


def start(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    finish: bool = False,
    ours: bool = True,
    **popen: Any,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own. With `finish` it is left to end by itself when the deployer goes.

    Without `ours` it carries no mark: what a user's profile starts must outlive us.
    """
    failpoints.middle()
    with _lock:
        if _closing:
            raise InterruptedError("the host program is ending")
        marked = dict(env, **(marks(_owner, os.getpid()) if _owner and ours and not finish else {}))
        if finish and _lease and _lease.descriptor >= 0:
            popen["pass_fds"] = (_lease.descriptor,)
        process = subprocess.Popen(list(argv), cwd=str(cwd), env=marked, start_new_session=True, **popen)
        _running[process.pid] = finish
    return process


def forget(process: subprocess.Popen[bytes]) -> None:
    """Take a reaped process off the books."""
    with _lock:
        _running.pop(process.pid, None)


def run(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    on_line: Optional[Callable[[str], None]] = None,
    finish: bool = False,
    timeout: Optional[float] = None,
    stop: Optional[Callable[[], bool]] = None,
) -> Finished:
    """Run `argv` to its end, its output (both streams) line by line to `on_line`; keeps the last TAIL lines.

    What it leaves running, and so holding its output, is not waited for. A line longer than output.LINE comes in
    pieces. It is killed with its group (status -9) after `timeout` seconds, and when `stop`, asked every output.LOOK
    seconds, says so. With `finish` it can go on writing even when we are killed.
    """
    sink = output.kept() if finish else subprocess.PIPE
    try:
        process = start(
            argv, cwd, env, finish, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
        )
        threading.Thread(target=_watch, args=(process, timeout, stop), daemon=True).start()
        parts = output.followed(process, sink) if finish else output.piped(process)
        return _heard(process, output.lines(parts), on_line)
    finally:
        if finish:
            os.close(sink)


def _heard(
    process: subprocess.Popen[bytes], lines: Iterable[str], on_line: Optional[Callable[[str], None]]
) -> Finished:
    tail: List[str] = []
    try:
        for line in lines:
            tail = [*tail, line][-TAIL:]
            if on_line:
                on_line(line)
        return Finished(process.wait(), tail)
    finally:
        if process.poll() is None:
            end(process.pid, signal.SIGKILL)
            process.wait()
        forget(process)
        if process.stdout:
            process.stdout.close()


def _watch(
    process: subprocess.Popen[bytes], timeout: Optional[float], stop: Optional[Callable[[], bool]]
) -> None:
    """Kill the process when its time is up or `stop` says so. It is asked by /proc, so that its pid stays its own."""
    until = None if timeout is None else time.monotonic() + timeout
    if until is None and stop is None:
        return
    while process.returncode is None and proc.alive(process.pid):
        if (until is not None and time.monotonic() > until) or (stop is not None and stop()):
            end(process.pid, signal.SIGKILL)
            return
        time.sleep(output.LOOK)


def end(pid: int, signum: int) -> None:
    """Send a signal to the group of a process that we started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signum)


def end_all() -> bool:
    """End every child but those that must finish; True when such a one is still running. No child starts afterwards."""
    global _closing
    with _lock:
        _closing = True
        running = dict(_running)
    for pid, finish in running.items():
        if not finish:
            end(pid, signal.SIGKILL)
    return any(running.values())
