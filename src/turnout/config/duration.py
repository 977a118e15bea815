"""Durations as people write them: "0.1s", "60s", "10m", "1h"."""

from __future__ import annotations

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WRITTEN = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h)", re.ASCII)
LONGEST = 24 * 3600.0
"""Seconds; more than a day in one of the health keys is a slip of the pen."""


def seconds(value: object) -> float:
    """The seconds that `value` means; raises ValueError, in plain words, for anything but a text with a unit."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f'must be a time with its unit: write "{value}s"')  # noqa: TRY004 - pydantic knows ValueError
    match = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError('must be a time with its unit, such as "0.1s", "60s", "10m" or "1h"')
    found = float(match[1]) * _SECONDS[match[2]]
    if found > LONGEST:
        raise ValueError("is longer than a day")
    return found


def age(value: object) -> float:
    """As `positive`, and also in days and beyond a day: "12h", "30d"."""
    days = re.fullmatch(r"([0-9]{1,5})d", value) if isinstance(value, str) else None
    hours = re.fullmatch(r"([0-9]{1,6})h", value) if isinstance(value, str) else None
    if not days and not hours:
        raise ValueError('must be a time in hours or days, such as "12h" or "30d"')
    found = int(days[1]) * 86400.0 if days else int(hours[1]) * 3600.0 if hours else 0.0
    if found <= 0:
        raise ValueError("must be more than zero")
    return found


def positive(value: object) -> float:
    """As `seconds`, and more than none."""
    found = seconds(value)
    if found <= 0:
        raise ValueError("must be more than zero")
    return found
