"""When the windows are open: tables, daylight saving, and properties against a clock that is asked minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.config import when
from turnout.gate.calendar import HORIZON, Calendar

MINUTE = timedelta(minutes=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/St_Johns")


def calendar(*windows: str, freezes: str = "", holidays: str = "", zone: str = "Europe/Berlin") -> Calendar:
    return Calendar(
        tuple(when.window(one) for one in windows),
        tuple(when.freeze(one) for one in freezes.split("; ") if one),
        tuple(when.day(one) for one in holidays.split("; ") if one),
        zone,
    )


def at(text: str, zone: str = "Europe/Berlin", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


PEAK = calendar("not 11:00-14:00 Mon-Fri", freezes="20 Dec - 2 Jan", holidays="2026-05-01; 3 Oct")
OFFICE = calendar("09:00-17:00 Mon-Thu", "not 12:00-13:00")
NIGHT = calendar("22:00-04:00 Fri")


@pytest.mark.parametrize(
    "rules, moment, closed, opens",
    [
        (PEAK, "2026-11-25T10:59:59", "", "2026-11-25T10:59:59"),
        (PEAK, "2026-11-25T11:00", "not 11:00-14:00 Mon-Fri", "2026-11-25T14:00"),
        (PEAK, "2026-11-25T13:59:59", "not 11:00-14:00 Mon-Fri", "2026-11-25T14:00"),
        (PEAK, "2026-11-25T14:00", "", "2026-11-25T14:00"),
        (PEAK, "2026-11-28T12:00", "", "2026-11-28T12:00"),
        (PEAK, "2026-12-19T23:59", "", "2026-12-19T23:59"),
        (PEAK, "2026-12-20T00:00", "frozen 20 Dec - 2 Jan", "2027-01-03T00:00"),
        (PEAK, "2027-01-02T23:59", "frozen 20 Dec - 2 Jan", "2027-01-03T00:00"),
        (PEAK, "2026-05-01T09:00", "2026-05-01 is a holiday", "2026-05-02T00:00"),
        (PEAK, "2027-05-01T09:00", "", "2027-05-01T09:00"),
        (PEAK, "2031-10-03T09:00", "3 Oct is a holiday", "2031-10-04T00:00"),
        (OFFICE, "2026-11-25T08:00", "only 09:00-17:00 Mon-Thu", "2026-11-25T09:00"),
        (OFFICE, "2026-11-25T12:30", "not 12:00-13:00", "2026-11-25T13:00"),
        (OFFICE, "2026-11-26T17:00", "only 09:00-17:00 Mon-Thu", "2026-11-30T09:00"),
        (NIGHT, "2026-11-27T23:00", "", "2026-11-27T23:00"),
        (NIGHT, "2026-11-28T03:59", "", "2026-11-28T03:59"),
        (NIGHT, "2026-11-28T04:00", "only 22:00-04:00 Fri", "2026-12-04T22:00"),
        (NIGHT, "2026-11-27T03:00", "only 22:00-04:00 Fri", "2026-11-27T22:00"),
    ],
)
def test_open_or_closed(rules: Calendar, moment: str, closed: str, opens: str) -> None:
    """A window holds its first minute and not its last; it may reach into the next morning; freezes hold both days."""
    assert rules.closed(at(moment)) == closed
    assert rules.opens(at(moment)) == at(opens)


@pytest.mark.parametrize(
    "rules, moment, opens",
    [
        # the clock goes from 02:00 to 03:00: 02:30 never comes, so the window opens when the clock is changed
        (calendar("not 01:00-02:30"), at("2026-03-29T01:30"), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (calendar("02:15-06:00"), at("2026-03-29T01:30"), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        # a window that lies in the hour that is left out opens a day later
        (calendar("02:00-03:00"), at("2026-03-29T01:30"), datetime(2026, 3, 30, 0, 0, tzinfo=UTC)),
        # the clock goes from 03:00 back to 02:00: the hour comes twice
        (calendar("not 01:00-02:30"), at("2026-10-25T01:30"), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (
            calendar("not 01:00-02:30"),
            at("2026-10-25T02:10", fold=1),
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        ),
        (calendar("02:30-02:45"), at("2026-10-25T02:50"), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        # midnight itself is left out in Beirut: the day begins at 01:00
        (
            calendar(holidays="2026-03-28", zone="Asia/Beirut"),
            at("2026-03-28T12:00", "Asia/Beirut"),
            datetime(2026, 3, 28, 22, 0, tzinfo=UTC),
        ),
    ],
)
def test_daylight_saving(rules: Calendar, moment: datetime, opens: datetime) -> None:
    """The clock on the wall counts: what it never shows is never waited for, what it shows twice counts twice."""
    assert rules.opens(moment) == opens


def test_without_rules_it_is_always_open() -> None:
    """An environment without windows is never closed."""
    assert not Calendar()
    assert Calendar().opens(at("2026-12-25T12:00")) == at("2026-12-25T12:00")


@pytest.mark.parametrize("rules", [calendar("not Mon-Sun"), calendar(freezes="1 Jan - 31 Dec")])
def test_a_window_that_never_opens_is_told(rules: Calendar) -> None:
    """None, not an endless search."""
    assert rules.opens(at("2026-11-25T12:00")) is None
    assert HORIZON > 366 * 2


def test_a_moment_is_shown_in_its_zone() -> None:
    """With the zone's own short name, which tells summer from winter."""
    assert calendar().shown(datetime(2026, 11, 26, 13, 0, tzinfo=UTC)) == "Thu 26 Nov 14:00 CET"
    assert calendar().shown(datetime(2026, 7, 2, 12, 0, tzinfo=UTC)) == "Thu 02 Jul 14:00 CEST"


TIMES = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
DAYS = st.sampled_from(["", " Mon", " Sat-Sun", " Sun", " Fri-Mon", " Mon-Fri"])
WINDOWS = st.tuples(st.sampled_from(["", "not "]), TIMES, TIMES, DAYS).filter(
    lambda parts: parts[1] != parts[2]
)
CALENDARS = st.builds(
    lambda windows, holidays, zone: calendar(
        *(f"{word}{start}-{end}{days}" for word, start, end, days in windows),
        holidays="; ".join(holidays),
        zone=zone,
    ),
    st.lists(WINDOWS, max_size=3),
    st.lists(st.sampled_from(["29 Mar", "2026-10-25", "8 Mar", "5 Apr", "1 Nov"]), max_size=2, unique=True),
    st.sampled_from(ZONES),
)
AROUND_CHANGES = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes),
    st.sampled_from(
        [
            datetime(2026, month, day, tzinfo=UTC)
            for month, day in ((3, 28), (3, 29), (10, 24), (10, 25), (3, 8), (11, 1), (4, 4), (10, 3), (7, 1))
        ]
    ),
    st.integers(0, 1439),
)


@settings(max_examples=150, deadline=None)
@given(CALENDARS, AROUND_CHANGES)
def test_the_first_open_moment_is_open_and_the_first(rules: Calendar, now: datetime) -> None:
    """Asked minute by minute around changes of the clock in six zones, nothing was open before; then it is."""
    opens = rules.opens(now)
    limit = min(opens, now + timedelta(days=2)) if opens else now + timedelta(days=2)
    minutes = int((limit - now) / MINUTE)
    assert all(rules.closed(now + step * MINUTE) for step in range(minutes))
    assert opens is None or not rules.closed(opens)


@settings(max_examples=100, deadline=None)
@given(CALENDARS, AROUND_CHANGES)
def test_moments_do_not_depend_on_the_zone_that_they_are_given_in(rules: Calendar, now: datetime) -> None:
    """The same instant in another zone gives the same answer."""
    assert rules.closed(now) == rules.closed(now.astimezone(ZoneInfo("Pacific/Auckland")))
    assert rules.opens(now) == rules.opens(now.astimezone(ZoneInfo("Pacific/Auckland")))
