"""Waiting for the end of a process that is nobody's child here."""

from __future__ import annotations

import asyncio
import os


async def gone(pid: int) -> None:
    """Return when the process has ended; at once when there is none."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
