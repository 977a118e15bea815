"""When people let things be deployed: "not 11:00-14:00 Mon-Fri", "20 Dec - 2 Jan", "25 Dec". Reading only.

Each function takes what was written and gives a value, or raises ValueError with the reason in plain words.
What the values mean at a moment is said by `gate/calendar.py`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
MIDNIGHT = 24 * 60
"""Minutes of a day."""
LONGEST_SOAK = 30 * 24 * 3600.0
"""Seconds; more than a month is a slip of the pen."""

_DASH = "\\s*[-\N{EN DASH}\N{EM DASH}]\\s*"
_TIMES = re.compile(rf"(?<!\S)(\d{{1,2}}):(\d\d){_DASH}(\d{{1,2}}):(\d\d)(?!\S)", re.ASCII)
_DAYS = re.compile(
    rf"[A-Za-z]{{3,9}}(?:{_DASH}[A-Za-z]{{3,9}})?(?:\s*,\s*[A-Za-z]{{3,9}}(?:{_DASH}[A-Za-z]{{3,9}})?)*"
)
_YEARLY = re.compile(r"(\d{1,2})\.?\s+([A-Za-z]{3,9})", re.ASCII)
_DATED = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_BETWEEN = re.compile("\\s*[\N{EN DASH}\N{EM DASH}]\\s*|\\s+-\\s+")
_SOAK = re.compile(r"([0-9]{1,5})(s|m|h|d)", re.ASCII)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2}")


@dataclass(frozen=True)
class Window:
    """A span of some weekdays (0 is Monday), in minutes from midnight; with `allowed` False one that is closed.

    `end` at or below `start` means: until then on the next day. `text` is as it was written.
    """

    allowed: bool
    start: int
    end: int
    days: frozenset[int]
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Day:
    """A day of one year, or with `year` None of every year."""

    year: int | None
    month: int
    day: int
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Freeze:
    """From the beginning of the first day to the end of the last; both of one year or of every year."""

    first: Day
    last: Day
    text: str

    def __str__(self) -> str:
        return self.text


def window(value: object) -> Window:
    """`[not] [HH:MM-HH:MM] [DAYS]`, such as "not 11:00-14:00 Mon-Fri", "Mon-Thu 09:00-17:00", "not Fri"."""
    written = _text(value, '"not 11:00-14:00 Mon-Fri"')
    rest = re.sub(r"^not\s+", "", written)
    times = _TIMES.search(rest)
    days = (rest[: times.start()] + " " + rest[times.end() :]).strip() if times else rest
    if not rest or (days and not _DAYS.fullmatch(days)):
        raise ValueError(
            f'{written!r} is not a window: write "09:00-17:00 Mon-Thu" or "not 11:00-14:00 Mon-Fri"'
        )
    start, end = _span(times, written) if times else (0, MIDNIGHT)
    wanted = (
        frozenset(day for part in re.split(r"\s*,\s*", days) for day in _weekdays(part)) if days else range(7)
    )
    return Window(rest == written, start, end, frozenset(wanted), written)


def _span(times: re.Match[str], written: str) -> tuple[int, int]:
    hours = int(times[1]), int(times[3])
    minutes = int(times[2]), int(times[4])
    start, end = (60 * hour + minute for hour, minute in zip(hours, minutes, strict=True))
    if max(minutes) > 59 or start >= MIDNIGHT or end > MIDNIGHT:
        raise ValueError(f"{times[0].strip()!r} are not times of a day: from 00:00 to 24:00")
    if start == end:
        raise ValueError(f"{written!r} ends when it begins: leave the times out for the whole day")
    return start, end


def _weekdays(part: str) -> list[int]:
    first, *last = (_name(word, WEEKDAYS, "a weekday") for word in re.split(_DASH, part))
    count = (last[0] - first) % 7 if last else 0
    return [(first + step) % 7 for step in range(count + 1)]


def _name(word: str, names: tuple[str, ...], what: str) -> int:
    for position, name in enumerate(names):
        if len(word) >= 3 and name.lower().startswith(word.lower()):
            return position
    raise ValueError(f"{word!r} is not {what}: {', '.join(name[:3] for name in names)}")


def day(value: object) -> Day:
    """A day of every year, "25 Dec", or of one, "2026-12-25"."""
    written = _text(value, '"25 Dec" or "2026-12-25"')
    if yearly := _YEARLY.fullmatch(written):
        month = _name(yearly[2], MONTHS, "a month") + 1
        if (
            not 1 <= int(yearly[1]) <= monthrange(2024, month)[1]
        ):  # a leap year: 29 Feb is a day of some years
            raise ValueError(f"{written!r}: {MONTHS[month - 1]} has no such day")
        return Day(None, month, int(yearly[1]), written)
    dated = _DATED.fullmatch(written)
    try:
        exact = date(int(dated[1]), int(dated[2]), int(dated[3])) if dated else None
    except ValueError:
        exact = None
    if exact is None:
        raise ValueError(f'{written!r} is not a day: write "25 Dec" or "2026-12-25"')
    return Day(exact.year, exact.month, exact.day, written)


def freeze(value: object) -> Freeze:
    """From one day to another, "20 Dec - 2 Jan" or "2026-12-20 - 2027-01-02"; or a single day."""
    written = _text(value, '"20 Dec - 2 Jan"')
    days = [day(part) for part in _BETWEEN.split(written)]
    if len(days) > 2:
        raise ValueError(f'{written!r} is not a span of days: write "20 Dec - 2 Jan"')
    first, last = days[0], days[-1]
    if (first.year is None) != (last.year is None):
        raise ValueError(f"{written!r}: name the year of both days, or of neither")
    if first.year is not None and (first.year, first.month, first.day) > (last.year, last.month, last.day):
        raise ValueError(f"{written!r} ends before it begins")
    return Freeze(first, last, written)


def zone(value: object) -> str:
    """A time zone of the IANA database, such as "Europe/Berlin"."""
    written = _text(value, '"Europe/Berlin"')
    try:
        if _ZONE.fullmatch(written):
            return ZoneInfo(written).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ValueError(f'{written!r} is not a time zone: write "Europe/Berlin", "America/New_York" or "UTC"')


def soak(value: object) -> float:
    """A time in seconds, from "30s" to "30d"; zero is fine."""
    match = _SOAK.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError('must be a time with its unit, such as "30m", "2h" or "1d"')
    found = float(match[1]) * _UNITS[match[2]]
    if found > LONGEST_SOAK:
        raise ValueError("is longer than 30 days")
    return found


def _text(value: object, example: str) -> str:
    if not isinstance(value, str) or len(value) > 100:
        raise ValueError(f"must be text: write {example}")
    return " ".join(value.split())
