"""What a command writes, as it comes: through a pipe, or kept in memory for one that must not die with its reader."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import time
from typing import Iterator

from turnout_host import proc

LOOK = 0.1
"""Seconds between two looks at a command that is at work."""
LINE = 1 << 16
"""Bytes of a line that are kept together: some tools print a whole bundle as one line."""
DRAIN = 0.5
"""Seconds in which more output may come when a command is over, but something it started holds on to the pipe."""
REST = 1 << 20
"""Bytes that are read then at most: a pipe holds 64 KiB, and who holds it may go on writing for ever."""
PART = 1 << 16
"""Bytes that are read at a time, at most."""


def kept() -> int:
    """A descriptor that a command may write to even when nobody reads any more; it belongs to the caller.

    A pipe's writer dies of SIGPIPE when we were killed: a migration would end half way. A file would fail on a full
    disk. Memory does neither, and leaves nothing behind; all of the output is in it until the command has ended.
    """
    descriptor = os.memfd_create("output")
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)
    return descriptor


def followed(process: subprocess.Popen[bytes], descriptor: int) -> Iterator[bytes]:
    """The output of `kept`, until the process has ended."""
    at = 0
    while True:
        over = not proc.alive(process.pid)  # asked before the last look: what it wrote at its end counts
        part = os.pread(descriptor, PART, at)
        at += len(part)
        if part:
            yield part
        elif over:
            return
        else:
            time.sleep(LOOK)


def piped(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """The output of its pipe. After its end, what is there and what comes within DRAIN, but no more than REST bytes."""
    assert process.stdout is not None
    descriptor, waiting = process.stdout.fileno(), select.poll()
    waiting.register(descriptor, select.POLLIN)
    until, left = 0.0, REST
    while left > 0:
        if not until and not proc.alive(process.pid):
            until = time.monotonic() + DRAIN
        ready = waiting.poll(1000 * (max(0.0, until - time.monotonic()) if until else LOOK))
        part = os.read(descriptor, PART) if ready else b""
        if part:
            left -= len(part) if until else 0
            yield part
        elif ready or until:
            return


def lines(parts: Iterator[bytes]) -> Iterator[str]:
    """Whole lines without their ends; one longer than LINE comes in pieces."""
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        if len(rest) > LINE:
            whole, rest = [*whole, rest], b""
        for line in whole:
            yield from _pieces(line)
    if rest:
        yield from _pieces(rest)


def _pieces(line: bytes) -> Iterator[str]:
    for start in range(0, max(1, len(line)), LINE):
        yield line[start : start + LINE].decode("utf-8", "replace").rstrip("\r")
