"""Reads the log files along, through rotation and truncation, without losing a line.

What has been read is a cursor that the deployer keeps: per file, by inode, the offset and a mark of the bytes before
it. So nothing is open between two looks, a lost link costs nothing, and the files themselves keep what a slow reader
has not taken yet.
"""

from __future__ import annotations

import hashlib
import heapq
import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

from turnout_host.logs.files import Log, logs
from turnout_host.logs.stamp import stamp
from turnout_host.logs.start import begin

LONGEST = 1 << 16
"""Bytes of a line; a longer one comes in pieces."""
MARK = 64
"""Bytes before the offset that the mark is made of."""
UNSEEN = 16
"""Files that are remembered although they are not there any more."""
SETTLED = 2.0
"""Seconds after which a line without its end is given out as it is (a prompt, the last words of a killed process)."""

Cursor = Dict[str, Any]


class Place:
    """How far one file was read."""

    def __init__(self, inode: int, offset: int, mark: str = "") -> None:
        self.inode, self.offset, self.mark = inode, offset, mark


class Line(NamedTuple):
    """One line; it counts as read once `place.offset` is `end`. `ts` is its own stamp or the last one before it.

    `stamped` is False where the file has none so far: then `ts` is when the file was last written.
    """

    ts: float
    stamped: bool
    stream: str
    text: str
    family: str
    place: Place
    end: int


class Reader:
    """All log files of one folder from a cursor on; `None` begins at `lines` and `since` (both None: at the start)."""

    def __init__(
        self,
        folder: Path,
        streams: List[str],
        cursor: Optional[Cursor],
        lines: Optional[int] = None,
        since: Optional[float] = None,
        wanted: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._since, self._wanted = since, wanted
        self._families = {name: turns for name, turns in logs(folder).items() if turns[-1].stream in streams}
        self._ts: Dict[str, float] = {}
        self._places: Dict[str, Dict[int, Place]] = {}
        self._past = cursor or {}
        for name, turns in self._families.items():
            past = (cursor or {}).get(name)
            if cursor is None:
                places = {i: Place(i, at) for i, at in begin(turns, lines, since, wanted).items()}
            else:
                self._ts[name] = float((past or {}).get("ts") or 0)
                places = _resume(turns, (past or {}).get("files") or [])
            self._places[name] = places

    def take(self, lines: int, size: int, seconds: float, ended: bool) -> List[Line]:
        """The next wanted lines in the order of their time: so many, so many bytes, or what is found in `seconds`.

        `ended`: nobody reads on, so a last line without its end is one.
        """
        until, found = time.monotonic() + seconds, []
        streams = [self._lines(name, ended) for name in self._families]
        for line in heapq.merge(*streams, key=lambda one: one.ts):
            line.place.offset = line.end
            if line.stamped:
                self._ts[line.family] = line.ts
            if (self._since is None or line.ts >= self._since) and self._wanted(line.text):
                found.append(line)
                size -= len(line.text)
            if len(found) >= lines or size <= 0 or time.monotonic() > until:
                break
        return found

    def behind(self) -> int:
        """Bytes that were not read yet."""
        return sum(
            max(0, one.size - self._places[name][one.inode].offset)
            for name, turns in self._families.items()
            for one in turns
        )

    def cursor(self) -> Cursor:
        """Where to go on from."""
        return dict(self._past, **{name: self._read_of(name) for name in self._families})

    def _read_of(self, name: str) -> Dict[str, Any]:
        files, places = [], self._places[name]
        for one in self._families[name]:
            offset = places[one.inode].offset
            files.append([one.inode, offset, _mark(one.path, offset)])
        # one that is being renamed at this moment may not have been seen
        unseen = [file for file in (self._past.get(name) or {}).get("files") or [] if file[0] not in places]
        return {"ts": self._ts.get(name, 0), "files": [*unseen[-UNSEEN:], *files]}

    def _lines(self, name: str, ended: bool) -> Iterator[Line]:
        ts = self._ts.get(name, 0.0)
        for one in self._families[name]:
            place = self._places[name][one.inode]
            for raw, end in _forward(one, place.offset, ended):
                text = raw.decode("utf-8", "replace").rstrip("\r\n")
                ts = stamp(text) or ts
                yield Line(ts or one.mtime, bool(ts), one.stream, text, name, place, end)


def _forward(one: Log, offset: int, ended: bool) -> Iterator[Any]:
    """Lines of a file from `offset` to where it ended when we looked, each with the offset behind it."""
    if offset >= one.size:
        return
    try:
        file = one.path.open("rb")
    except FileNotFoundError:  # turned just now: the next look finds it under its new name
        return
    with file:
        if os.fstat(file.fileno()).st_ino != one.inode:
            return
        file.seek(offset)
        while offset < one.size:
            raw = file.readline(min(LONGEST, one.size - offset))
            whole = raw.endswith(b"\n") or len(raw) == LONGEST
            if not raw or not (whole or ended or time.time() - one.mtime > SETTLED):
                return
            offset += len(raw)
            yield raw, offset


def _resume(turns: List[Log], files: List[Any]) -> Dict[int, Place]:
    """Places in today's files: known ones go on, new ones begin, one that was cut begins anew."""
    known = {int(inode): Place(int(inode), int(offset), str(mark)) for inode, offset, mark in files}
    now = turns[-1]
    was = known.get(now.inode)
    cut = was is not None and not _same(now, was)
    places: Dict[int, Place] = {}
    for one in turns:
        place = known.get(one.inode)
        if place is not None and _same(one, place):
            places[one.inode] = place
        elif one.turn and was is not None and was.offset and _same(one, was):
            # a copy of the newest (logrotate's copytruncate): what was read of that was read of this
            places[one.inode] = Place(one.inode, was.offset if cut else one.size)
        else:
            places[one.inode] = Place(one.inode, 0)
    return places


def _same(one: Log, place: Place) -> bool:
    return one.size >= place.offset and _mark(one.path, place.offset) == place.mark


def _mark(path: Path, offset: int) -> str:
    """Tells whether a file is still the one that was read up to `offset`: inodes are used again."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, offset - MARK))
            return hashlib.sha256(file.read(min(MARK, offset))).hexdigest()[:16]
    except FileNotFoundError:
        return ""
