"""Who may change this host: a flock that the kernel frees when its holder dies, and a fencing token (DESIGN 6).

The lock belongs to the open file, so a pointsman that inherits the descriptor holds it on when the host program
ends. The token grows by one with each holder and is checked at every write; it is never lower than the
journal's newest, so a lease file that was torn or removed cannot turn time back.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from typing import Any, Callable, Dict, Optional

from turnout_host import proc
from turnout_host.errors import LeaseHeld, LeaseLost
from turnout_host.layout import Layout

GRACE = 3.0
"""Seconds that a holder whose deployer may just have died gets to end, before it counts as alive."""
PAUSE = 0.1
"""Seconds between two looks at a lock that somebody holds; flock has no way to wait with a limit."""


class Lease:
    """The lease of one app on this host; `token` is ours, 0 while we do not hold it."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.lease
        self.descriptor = -1
        self.token = 0

    def holder(self) -> Optional[Dict[str, Any]]:
        """Who holds the lease now, or None when it is free (asked without taking it)."""
        try:
            descriptor = os.open(str(self._path), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            if _try_lock(descriptor, fcntl.LOCK_SH):  # shared: two who only ask do not see one another
                return None
            return _read(descriptor)
        finally:
            os.close(descriptor)

    def led_by(self, deployment: str) -> bool:
        """Is the deployer of this deployment still there, over the connection that took the lease?"""
        holder = self.holder() or {}
        return holder.get("deployment") == deployment and _lives(holder)

    def acquire(
        self,
        newest: Callable[[], int],
        who: Dict[str, Any],
        wait: float,
        waiting: Callable[[Dict[str, Any]], None],
    ) -> int:
        """Take the lease and return the new token.

        `newest` gives the journal's newest token, `who` goes into the file for others to read; with `orphan` in it
        others wait instead of being refused (a recovery and the boot have no deployer). Raises LeaseHeld when a
        living deployer holds it, or when an orphan (pointsman, migration) still holds it after `wait` seconds.
        """
        descriptor = os.open(str(self._path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait(descriptor, who.get("deployment"), wait, waiting)
            token = max(_token(descriptor), newest()) + 1
            _write(
                descriptor,
                dict(
                    dict(who, orphan=bool(who.get("orphan"))),
                    token=token,
                    since=time.time(),
                    pid=os.getpid(),
                    started=proc.started(os.getpid()),
                ),
            )
        except BaseException:
            os.close(descriptor)
            raise
        self.descriptor, self.token = descriptor, token
        return token

    def _wait(
        self, descriptor: int, ours: Any, wait: float, waiting: Callable[[Dict[str, Any]], None]
    ) -> None:
        began, told = time.monotonic(), None
        while not _try_lock(descriptor):
            holder, waited = _read(descriptor), time.monotonic() - began
            # of our own deployment: the other end of a link that we lost, and that does not know it yet
            refuses = _lives(holder) and holder.get("deployment") != ours
            if waited > (GRACE if refuses else max(wait, GRACE)):
                raise LeaseHeld("another deployment holds the lease", holder=public(holder))
            if holder.get("deployment") != told and not refuses:
                told = holder.get("deployment")
                waiting(public(holder))
            time.sleep(PAUSE)

    def adopt(self, descriptor: int, token: int) -> None:
        """Hold on to a lease that was inherited from the host program (the pointsman's way in)."""
        self.descriptor, self.token = descriptor, token

    def check(self, token: Optional[int] = None) -> int:
        """Our token, if it is still the newest and equals `token` (when given); raises LeaseLost otherwise."""
        if self.descriptor < 0:
            raise LeaseLost("this call needs the lease, and it is not held")
        if self._replaced():
            raise LeaseLost("the lease's file was removed, and somebody else took a new one")
        newest = _token(self.descriptor)
        if newest != self.token or (token is not None and token != self.token):
            raise LeaseLost(
                f"token {self.token if token is None else token} is old: the newest is {max(newest, self.token)}"
            )
        return self.token

    def _replaced(self) -> bool:
        """A hand removed our file, and somebody took the lease in a new one: both would hold it."""
        try:
            return not os.path.samestat(os.stat(str(self._path)), os.fstat(self.descriptor))
        except FileNotFoundError:
            return False

    def orphan(self, work: str) -> None:
        """Say that the deployer is gone and that only `work` goes on: others wait instead of being refused.

        Where that cannot be written (a full disk) they are refused for as long as it goes on.
        """
        if self.descriptor >= 0:
            with contextlib.suppress(OSError, LeaseLost):
                self.check()  # what somebody else holds by now is not ours to mark
                _write(self.descriptor, dict(_read(self.descriptor), orphan=True, work=work))

    def release(self) -> None:
        """Give the lease up. A pointsman that inherited it holds it on."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor, self.token = -1, 0


def public(holder: Dict[str, Any]) -> Dict[str, Any]:
    """What others are told of a holder."""
    return {key: holder.get(key) for key in ("deployment", "by", "since", "work", "pid", "orphan")}


def _lives(holder: Dict[str, Any]) -> bool:
    """Is the program that serves this holder's deployer still there? A pid may be used again, a start time not."""
    pid = int(holder.get("pid") or 0)
    if not pid or holder.get("orphan"):
        return False
    try:
        return proc.alive(pid) and abs(proc.started(pid) - float(holder.get("started") or 0)) < 0.5
    except (OSError, ValueError):
        return False


def _try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return True
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise


def _read(descriptor: int) -> Dict[str, Any]:
    try:
        value = json.loads(os.pread(descriptor, 4096, 0).decode("utf-8") or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _token(descriptor: int) -> int:
    return int(_read(descriptor).get("token") or 0)


def _write(descriptor: int, value: Dict[str, Any]) -> None:
    """In place, since a rename would leave the lock on the old file; one short block, padded, then fsync."""
    data = json.dumps(value).encode("utf-8")
    size = os.fstat(descriptor).st_size
    os.pwrite(descriptor, data + b" " * max(0, size - len(data)), 0)
    os.fsync(descriptor)
