"""Windows, freezes, holidays, time zones and soak times as people write them."""

from __future__ import annotations

import pytest

from turnout.config import when

ALL = frozenset(range(7))


@pytest.mark.parametrize(
    "written, allowed, start, end, days",
    [
        ("not 11:00\u201314:00 Mon\u2013Fri", False, 660, 840, {0, 1, 2, 3, 4}),
        ("not 11:00-14:00 Mon-Fri", False, 660, 840, {0, 1, 2, 3, 4}),
        ("09:00-17:00", True, 540, 1020, ALL),
        ("Mon-Thu 9:00 - 17:30", True, 540, 1050, {0, 1, 2, 3}),
        ("22:00-06:00 fri", True, 1320, 360, {4}),
        ("Fri-Mon", True, 0, 1440, {4, 5, 6, 0}),
        ("not Friday, Sun", False, 0, 1440, {4, 6}),
        ("00:00-24:00 Sat,Sun", True, 0, 1440, {5, 6}),
        ("  not   Fri  15:00-24:00 ", False, 900, 1440, {4}),
    ],
)
def test_windows(written: str, allowed: bool, start: int, end: int, days: set[int]) -> None:
    """Times and weekdays in any order, hyphen or dash, `not` for a closed one."""
    window = when.window(written)
    assert (window.allowed, window.start, window.end, window.days) == (allowed, start, end, frozenset(days))
    assert str(window) == " ".join(written.split())


@pytest.mark.parametrize(
    "written, year, month, day",
    [
        ("25 Dec", None, 12, 25),
        ("1. May", None, 5, 1),
        ("29 february", None, 2, 29),
        ("2026-12-25", 2026, 12, 25),
    ],
)
def test_days(written: str, year: int | None, month: int, day: int) -> None:
    """Of every year, or of one."""
    found = when.day(written)
    assert (found.year, found.month, found.day, str(found)) == (year, month, day, written)


@pytest.mark.parametrize(
    "written, first, last",
    [
        ("20 Dec \u2013 2 Jan", (None, 12, 20), (None, 1, 2)),
        ("20 Dec - 2 Jan", (None, 12, 20), (None, 1, 2)),
        ("2026-12-20 - 2027-01-02", (2026, 12, 20), (2027, 1, 2)),
        ("24 Dec", (None, 12, 24), (None, 12, 24)),
    ],
)
def test_freezes(written: str, first: tuple[object, ...], last: tuple[object, ...]) -> None:
    """Two days with both of them in it, or one."""
    found = when.freeze(written)
    assert (found.first.year, found.first.month, found.first.day) == first
    assert (found.last.year, found.last.month, found.last.day) == last


@pytest.mark.parametrize(
    "written, seconds", [("30s", 30), ("30m", 1800), ("2h", 7200), ("30d", 2_592_000), ("0m", 0)]
)
def test_soak(written: str, seconds: float) -> None:
    """Seconds to days."""
    assert when.soak(written) == seconds


@pytest.mark.parametrize(
    "read, written, reason",
    [
        (when.window, 5, "must be text"),
        (when.window, "", "is not a window"),
        (when.window, "not", "is not a weekday"),
        (when.window, "25:00-26:00", "are not times of a day"),
        (when.window, "24:00-01:00", "are not times of a day"),
        (when.window, "10:60-11:00", "are not times of a day"),
        (when.window, "10:00-10:00", "ends when it begins"),
        (when.window, "10:00-11:00 Mo", "is not a window"),
        (when.window, "10:00-11:00 Mox", "is not a weekday"),
        (when.window, "10:00-11:00 Mon; reboot", "is not a window"),
        (when.window, "\u0661\u0660:00-11:00", "is not a window"),
        (when.day, "31 Feb", "has no such day"),
        (when.day, "0 Jan", "has no such day"),
        (when.day, "25 Dez", "is not a month"),
        (when.day, "2026-02-30", "is not a day"),
        (when.day, "20261225", "is not a day"),
        (when.day, "2026-W52-5", "is not a day"),
        (when.day, "Christmas", "is not a day"),
        (when.freeze, "20 Dec - 2 Jan - 3 Jan", "is not a span"),
        (when.freeze, "20 Dec - 2027-01-02", "name the year of both"),
        (when.freeze, "2027-01-02 - 2026-12-20", "ends before it begins"),
        (when.zone, "Berlin", "is not a time zone"),
        (when.zone, "../../etc/passwd", "is not a time zone"),
        (when.zone, "/etc/localtime", "is not a time zone"),
        (when.zone, 7, "must be text"),
        (when.soak, 30, "with its unit"),
        (when.soak, "31d", "longer than 30 days"),
        (when.soak, "-5m", "with its unit"),
    ],
)
def test_what_is_refused(read: object, written: object, reason: str) -> None:
    """In plain words, with what to write instead."""
    with pytest.raises(ValueError, match=reason):
        read(written)  # type: ignore[operator]


def test_time_zones() -> None:
    """Names of the IANA database."""
    assert [when.zone(name) for name in ("UTC", "Europe/Berlin", "America/Argentina/Ushuaia")] == [
        "UTC",
        "Europe/Berlin",
        "America/Argentina/Ushuaia",
    ]
