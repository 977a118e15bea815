"""When a log line was written, where it says so: PM2's `time` and `log_date_format`, ISO dates, JSON of pino.

A stamp without a zone is in the host's own, as PM2 writes it.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_DATE = re.compile(
    r"\W{0,3}(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: ?(Z|[+-]\d\d:?\d\d))?"
)
_KEYS = ("timestamp", "time", "ts", "@timestamp")
_MILLISECONDS = 1e11
"""Numbers above are milliseconds: as seconds they would be in the year 5138."""
_LONGEST = 1 << 14


def stamp(line: str) -> Optional[float]:
    """Seconds since 1970, None where the line begins with no date that is known."""
    if line[:1] == "{" and len(line) < _LONGEST:
        return _of_json(line)
    return _of_text(_COLOUR.sub("", line[:80]) if "\x1b" in line[:20] else line[:60])


def _of_text(text: str) -> Optional[float]:
    match = _DATE.match(text)
    if not match:
        return None
    *numbers, fraction, zone = match.groups()
    try:
        moment = datetime(*(int(number) for number in numbers), tzinfo=_zone(zone))  # type: ignore[arg-type,misc]
        return moment.timestamp() + float(f"0.{fraction or 0}")
    except (ValueError, OverflowError, OSError):
        return None


def _zone(text: Optional[str]) -> Optional[timezone]:
    if text is None:
        return None
    if text == "Z":
        return timezone.utc
    away = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-away if text[0] == "-" else away)


def _of_json(line: str) -> Optional[float]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    value: Any = (
        next((found[key] for key in _KEYS if key in found), None) if isinstance(found, dict) else None
    )
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e15:
        return value / 1000 if value > _MILLISECONDS else float(value)
    return None
