"""Moments as people type them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from turnout.cli.moment import moment
from turnout.errors import UsageError

NOW = datetime(2026, 11, 25, 14, 0, 0, tzinfo=timezone(timedelta(hours=1)))
MOMENTS = [
    ("30s", NOW - timedelta(seconds=30)),
    ("1.5h", NOW - timedelta(minutes=90)),
    ("2d", NOW - timedelta(days=2)),
    ("13:05", NOW.replace(hour=13, minute=5)),
    ("14:05", NOW.replace(hour=14, minute=5) - timedelta(days=1)),  # later today has not been yet
    ("2026-11-25 09:30", NOW.replace(hour=9, minute=30)),
    ("2026-11-25", NOW.replace(hour=0)),
    ("2026-11-25T09:30:00Z", NOW.replace(hour=10, minute=30)),
]


@pytest.mark.parametrize("text, when", MOMENTS)
def test_a_moment(text: str, when: datetime) -> None:
    """Ago, a time of day, a date, with and without a zone."""
    assert moment(text, NOW) == when.timestamp()


@pytest.mark.parametrize("text", ["", "yesterday", "25:99", "10", "10 m", "-5m", "2026-13-01", "1e9h"])
def test_what_is_none_is_refused_with_what_to_type(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError) as refused:
        moment(text, NOW)
    assert "--since 10m" in refused.value.remedy[0]
