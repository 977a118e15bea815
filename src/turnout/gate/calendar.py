"""When deployments are allowed: windows, freezes and holidays in one time zone. Pure.

Everything is judged by the clock on the wall of that zone, so daylight saving needs no rule of its own: an hour that
comes twice is open or closed twice, one that is left out is never asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from turnout.config.when import MIDNIGHT, Day, Freeze, Window

HORIZON = 800
"""Days that are looked ahead: more than two years, so that what comes every year has come."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """The rules of an environment; `zone` is a name of the IANA database. Moments are aware datetimes."""

    windows: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    holidays: tuple[Day, ...] = ()
    zone: str = "UTC"

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def __bool__(self) -> bool:
        return bool(self.windows or self.freezes or self.holidays)

    def closed(self, at: datetime) -> str:
        """Why nothing may be deployed at this moment, in the words of the rule; "" when it may."""
        return self._closing(at)[1]

    def rule(self, at: datetime) -> str:
        """The key of turnout.toml that closes it at this moment; "" when none does."""
        return self._closing(at)[0]

    def _closing(self, at: datetime) -> tuple[str, str]:
        local = at.astimezone(self._zone)
        for freeze in self.freezes:
            if _frozen(freeze, local.date()):
                return "freezes", f"frozen {freeze.text}"
        for day in self.holidays:
            if (day.year or local.year, day.month, day.day) == (local.year, local.month, local.day):
                return "holidays", f"{day.text} is a holiday"
        for window in self.windows:
            if not window.allowed and _contains(window, local):
                return "windows", window.text
        allowed = [window for window in self.windows if window.allowed]
        if allowed and not any(_contains(window, local) for window in allowed):
            return "windows", f"only {', '.join(window.text for window in allowed)}"
        return "", ""

    def opens(self, at: datetime) -> datetime | None:
        """The first moment from `at` on at which it is open, in UTC; None when there is none (HORIZON)."""
        at = at.astimezone(UTC)
        if not self.closed(at):
            return at
        first = at.astimezone(self._zone).date() - DAY
        for step in range(HORIZON):
            for moment in sorted(self._edges(first + step * DAY)):
                if moment >= at and not self.closed(moment):
                    return moment
        return None

    def shown(self, at: datetime) -> str:
        """The moment as people of that zone read it: `Thu 26 Nov 14:00 CET`."""
        return f"{at.astimezone(self._zone):%a %d %b %H:%M %Z}"

    def _edges(self, day: date) -> set[datetime]:
        """The moments of a day at which an answer may change: midnight, ends of windows, a change of the clock."""
        minutes = {0} | {edge % MIDNIGHT for window in self.windows for edge in (window.start, window.end)}
        walls = [datetime.combine(day, time(minute // 60, minute % 60), self._zone) for minute in minutes]
        both = {wall.replace(fold=fold).astimezone(UTC) for wall in walls for fold in (0, 1)}
        return both | set(self._changes(day))

    def _changes(self, day: date) -> Iterator[datetime]:
        """The moment between yesterday's noon and this one's at which the clock is changed, to the second."""
        low, high = (datetime.combine(one, time(12), self._zone).astimezone(UTC) for one in (day - DAY, day))
        before, after = self._offset(low), self._offset(high)
        if before == after:
            return
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
            low, high = (middle, high) if self._offset(middle) == before else (low, middle)
        yield high

    def _offset(self, at: datetime) -> timedelta | None:
        return at.astimezone(self._zone).utcoffset()


def _contains(window: Window, local: datetime) -> bool:
    minute, weekday = 60 * local.hour + local.minute, local.weekday()
    if window.start < window.end:
        return weekday in window.days and window.start <= minute < window.end
    evening = weekday in window.days and minute >= window.start
    return evening or ((weekday - 1) % 7 in window.days and minute < window.end)


def _frozen(freeze: Freeze, day: date) -> bool:
    first, last = freeze.first, freeze.last
    if first.year is not None and last.year is not None:
        begins, ends = (first.year, first.month, first.day), (last.year, last.month, last.day)
        return begins <= (day.year, day.month, day.day) <= ends
    yearly, here = ((first.month, first.day), (last.month, last.day)), (day.month, day.day)
    if yearly[0] <= yearly[1]:
        return yearly[0] <= here <= yearly[1]
    return here >= yearly[0] or here <= yearly[1]
