"""Gives memory back: a long text that was held once must not count for the rest of the run."""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h."""
LONG = 2 << 20
"""Bytes. What is longer gets pages of its own; reads of 1 MiB do not, since getting those takes time."""


def give_back() -> None:
    """Have long blocks returned as soon as they are free.

    Left alone, glibc raises this bound to the longest block that was ever freed, and keeps such blocks then.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none, and needs none
        mallopt(MMAP_THRESHOLD, LONG)
        mallopt(TRIM_THRESHOLD, 2 * LONG)
