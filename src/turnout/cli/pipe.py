"""Writes much to a terminal or a pipe without ever standing still in it: whoever reads may stop, Ctrl-C still works."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TextIO

from turnout.cli.readers import forget

PIECE = 2048
"""Bytes at once; a pipe that is ready takes 4096 without waiting."""


class Closed(Exception):
    """Nobody reads any more (`| head`)."""


def write_json(value: object) -> None:
    """One JSON value as a line on stdout. Raises Closed: a stream without an end must not go on for nobody."""
    try:
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        forget(sys.stdout)
        raise Closed from None


class Pipe:
    """The descriptor of a stream."""

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        self._stream, self._descriptor = stream, stream.fileno()

    async def write(self, text: str) -> None:
        """All of it. Raises Closed."""
        data = memoryview(text.encode("utf-8", "replace"))
        while data:
            await self._ready()
            try:
                data = data[os.write(self._descriptor, data[:PIECE]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                forget(self._stream)
                raise Closed from None

    async def _ready(self) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        try:
            loop.add_writer(self._descriptor, ready.set)
        except PermissionError:  # a file, which is always ready
            return
        try:
            await ready.wait()
        finally:
            loop.remove_writer(self._descriptor)
