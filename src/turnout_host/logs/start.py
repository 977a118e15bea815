"""Where reading begins: the last lines, or the first one since a moment, found from the end of the files backwards."""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Optional, Tuple

from turnout_host.logs.files import Log
from turnout_host.logs.stamp import stamp

BLOCK = 1 << 18
LONGEST = 1 << 20
"""Bytes without a line's end after which the search takes what it has for a line."""


def begin(
    turns: List[Log], lines: Optional[int], since: Optional[float], wanted: Callable[[str], bool]
) -> Dict[int, int]:
    """Where to begin, by inode, in one family, oldest first: at most `lines` wanted lines, none before `since`."""
    offsets = {one.inode: one.size for one in turns}
    left = lines
    for one in reversed(turns):
        if left == 0:
            break
        for offset, raw in backwards(one):
            text = raw.decode("utf-8", "replace").rstrip("\r\n")
            if since is not None and (stamp(text) or since) < since:
                return offsets
            if left is None or wanted(text):
                offsets[one.inode] = offset
                left = None if left is None else left - 1
            if left == 0:
                break
    return offsets


def backwards(one: Log) -> Iterator[Tuple[int, bytes]]:
    """The lines of a file, the last one first, each with its offset; a last line without its end counts, too."""
    try:
        file = one.path.open("rb")
    except FileNotFoundError:
        return
    with file:
        end, rest = one.size, b""
        while end > 0:
            start = max(0, end - BLOCK)
            file.seek(start)
            data = file.read(end - start) + rest
            first = data.find(b"\n", 0, len(data) - 1) + 1 if start else 0
            if start and not first and len(data) < LONGEST:
                rest, end = data, start
                continue
            offset = start + len(data)
            for line in reversed(_lines(data[first:])):
                offset -= len(line)
                yield offset, line
            rest, end = data[:first], start


def _lines(data: bytes) -> List[bytes]:
    """With their ends; unlike `splitlines` a lone CR ends none."""
    *whole, last = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])
