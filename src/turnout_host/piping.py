"""Commands whose output is taken as bytes, or that are fed with bytes: the user's database backup and its restore."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from pathlib import Path
from typing import IO, Callable, Iterator, List, Mapping, Sequence

from turnout_host import children
from turnout_host.children import TAIL, Finished

PIECE = 1 << 18
"""Bytes that are taken or fed at a time, at most."""


def drain(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    take: Callable[[bytes], None],
    on_line: Callable[[str], None],
) -> Finished:
    """Run `argv`; its standard output goes to `take` in pieces, its standard error to `on_line` line by line.

    It is killed with its group when `take` raises (a full disk).
    """
    pipe = subprocess.PIPE
    with _running(
        children.start(argv, cwd, env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        with _lines(process.stderr, on_line) as tail:
            read = getattr(process.stdout, "read1", process.stdout.read)  # what is there, at once
            for piece in iter(lambda: read(PIECE), b""):
                take(piece)
        return Finished(process.wait(), tail)


def feed(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    pieces: Iterator[bytes],
    on_line: Callable[[str], None],
) -> Finished:
    """Run `argv` with `pieces` as its standard input; all its output goes to `on_line`.

    It runs to its end even when the deployer goes away, like a migration: half a restore would be worse than a late
    one. One that ends well without having read everything is a failure (status 1).
    """
    pipe, same = subprocess.PIPE, subprocess.STDOUT
    with _running(children.start(argv, cwd, env, True, stdin=pipe, stdout=pipe, stderr=same)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        whole = True
        with _lines(process.stdout, on_line) as tail:
            try:
                for piece in pieces:
                    process.stdin.write(piece)
                process.stdin.close()
            except BrokenPipeError:
                whole = False
        status = process.wait()
        if status == 0 and not whole:
            return Finished(1, [*tail, "the command ended before it had read the whole backup"])
        return Finished(status, tail)


@contextlib.contextmanager
def _running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The process is over, and off the books, afterwards; killed with its group if need be."""
    try:
        yield process
    finally:
        if process.poll() is None:
            children.end(process.pid, signal.SIGKILL)
            process.wait()
        children.forget(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(BrokenPipeError):
                if pipe:
                    pipe.close()


@contextlib.contextmanager
def _lines(stream: IO[bytes], on_line: Callable[[str], None]) -> Iterator[List[str]]:
    """Read a stream beside whatever is done inside; the last TAIL lines are in the list, all of them at the end."""
    tail: List[str] = []

    def read() -> None:
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            tail.append(line)
            del tail[:-TAIL]
            on_line(line)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield tail
    thread.join()
