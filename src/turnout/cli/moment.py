"""Moments as people type them: `10m` ago, `13:05` today, `2026-11-25 13:05`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from turnout.errors import UsageError

_AGO = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(s|m|h|d|w)", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)


def moment(text: str, now: datetime) -> float:
    """Seconds since 1970; in the zone of `now` where it names none. A time of day is the last one that was."""
    ago = _AGO.fullmatch(text)
    if ago:
        return now.timestamp() - float(ago[1]) * _UNITS[ago[2]]
    try:
        clock = _CLOCK.fullmatch(text)
        if clock:
            at = now.replace(
                hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0), microsecond=0
            )
            return (at if at <= now else at - timedelta(days=1)).timestamp()
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--since {text} is no moment",
            remedy=["--since 10m, --since 13:05, or --since '2026-11-25 13:05'"],
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=now.tzinfo)).timestamp()
