"""The journal: the truth about this host (DESIGN 5). Append-only, one JSON object a line, fsynced.

Host program and pointsman both append; a short lock keeps their lines whole and their numbers in order. A line that
a dead writer left half written is cut off by the next append. What the lines mean is in `state.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional

from turnout_host import failpoints
from turnout_host.errors import LeaseLost
from turnout_host.layout import Layout
from turnout_host.state import State

RECENT = 200
"""Entries that are kept in memory for readers."""
PATIENCE = 2.0
"""Seconds that a reader waits for a writer: one that was stopped in the middle must not stop everybody."""


class Journal:
    """Reads and appends; `state` is what all lines so far amount to."""

    def __init__(self, layout: Layout, token: Callable[[], int] = lambda: 0) -> None:
        """`token` gives the caller's fencing token at each write; it raises LeaseLost when that is old."""
        self._path = layout.journal
        self._token = token
        self._offset = 0
        self._recent: Deque[Dict[str, Any]] = deque(maxlen=RECENT)
        self.state = State()
        self.refresh()

    def refresh(self) -> List[Dict[str, Any]]:
        """Read what others appended since; returns these entries."""
        try:
            with self._path.open("rb") as file:
                _wait_for_writer(file.fileno())
                return self._catch_up(file.fileno())
        except FileNotFoundError:
            return []

    def since(self, seq: int, deployment: str) -> List[Dict[str, Any]]:
        """The recent entries of one deployment after `seq`; an activation writes a dozen at most."""
        self.refresh()
        return [
            entry for entry in self._recent if entry["seq"] > seq and entry.get("deployment") == deployment
        ]

    def append(self, kind: str, deployment: Optional[str] = None, **fields: Any) -> Dict[str, Any]:
        """Write one entry and fsync it; on return it is durable. Raises OSError when that failed."""
        token = self._token()
        descriptor = os.open(str(self._path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._catch_up(descriptor)
            if 0 < token < self.state.token:
                raise LeaseLost(f"token {token} is old: the journal has {self.state.token}")
            os.ftruncate(descriptor, self._offset)
            entry = {
                "seq": self.state.seq + 1,
                "ts": round(time.time(), 3),
                "token": token,
                "type": kind,
                "deployment": deployment,
            }
            entry.update(fields)
            line = json.dumps(entry, separators=(",", ":")).encode("utf-8") + b"\n"
            failpoints.at(kind, "before")
            self._put(descriptor, line)
            failpoints.at(kind, "after")
            self._offset += len(line)
        finally:
            os.close(descriptor)
        self._take(entry)
        return entry

    def _put(self, descriptor: int, line: bytes) -> None:
        """Durable, or not there: the next reader would believe it, and no later fsync writes what a failed one lost."""
        try:
            _write_at(descriptor, line, self._offset)
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, self._offset)
            raise

    def _take(self, entry: Dict[str, Any]) -> None:
        self.state.apply(entry)
        self._recent.append(entry)

    def _catch_up(self, descriptor: int) -> List[Dict[str, Any]]:
        size = os.fstat(descriptor).st_size
        if size < self._offset:  # something that was read has been taken back
            self.state, self._offset = State(), 0
            self._recent.clear()
        data = os.pread(descriptor, max(0, size - self._offset), self._offset)
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        entries = list(_entries(whole))
        for entry in entries:
            self._take(entry)
        return entries


def _wait_for_writer(descriptor: int) -> None:
    """What is not durable yet may be taken back, so nobody reads it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.002)


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def _entries(lines: bytes) -> Iterator[Dict[str, Any]]:
    """The objects of whole lines. One that cannot be read is passed over: a full disk may have torn it."""
    for line in lines.splitlines():
        try:
            entry = json.loads(line.decode("utf-8"))
        except ValueError:
            continue
        if (
            isinstance(entry, dict)
            and isinstance(entry.get("seq"), int)
            and isinstance(entry.get("type"), str)
        ):
            yield entry
