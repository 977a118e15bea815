"""Figures as people read them, on the screen and on the page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from turnout import text


def per_week(value: float | None) -> str:
    """`3.5 a week`."""
    return "-" if value is None else f"{value:.1f} a week" if value < 10 else f"{value:.0f} a week"


def share(value: float | None) -> str:
    """`12 %`."""
    return "-" if value is None else f"{value * 100:.0f} %"


def stamp(moment: float | None) -> str:
    """`25 Nov 13:30`, in this machine's time zone."""
    return "-" if moment is None else time.strftime("%d %b %H:%M", time.localtime(float(moment)))


def subject(row: Mapping[str, Any]) -> str:
    """What a deployment was about: its commit, or what it went back to; for one that went badly the reason."""
    bad = row["result"] in {"failed", "reverted", "refused"} and row["reason"]
    said = str(row["reason"] if bad else row["subject"] or "")
    if not said and row["command"] == "rollback":
        said = f"back to {row['release']}" if row["release"] else "rollback"
    return text.harmless(said.splitlines()[0] if said else "")
