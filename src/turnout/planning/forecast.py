"""How long it will take, and how much disk will be left: guesses from what was, said as such. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

COUNTED = 10
"""Deployments that the guess is made of, the newest ones."""
BLOCK = 4096
"""Bytes that a folder, a link or the end of a file takes on most file systems."""


def seconds(deployments: Iterable[dict[str, Any]]) -> float | None:
    """The median time of the last deployments of this host that went well; None when there was none."""
    took = [
        float(one["seconds"])
        for one in deployments
        if one.get("command", "deploy") == "deploy"
        and one.get("result") == "succeeded"
        and one.get("seconds") is not None
    ]
    return round(median(took[-COUNTED:]), 1) if took else None


def disk_afterwards(free: int, contents: int, entries: int, blobs: int) -> int:
    """Bytes free when a release is there: new contents, and a folder or a link for each entry; files are shared."""
    return max(0, free - contents - BLOCK * (entries + blobs))
