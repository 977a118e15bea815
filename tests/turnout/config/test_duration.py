"""Durations."""

import pytest

from turnout.config import duration


@pytest.mark.parametrize(
    "text, seconds",
    [("0.1s", 0.1), ("60s", 60), ("10m", 600), ("1h", 3600), ("250ms", 0.25), ("0s", 0), ("1.5m", 90)],
)
def test_durations(text: str, seconds: float) -> None:
    """A number and a unit make seconds."""
    assert duration.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value", [10, 0.5, True, None, "10", "s", "-1s", "1 s", "1d", "1e3s", "٣s", "1s\n", "25h", ["1s"]]
)
def test_not_durations(value: object) -> None:
    """Anything else is refused with what to write."""
    with pytest.raises(ValueError, match=r"unit|day"):
        duration.seconds(value)


@pytest.mark.parametrize("text, days", [("30d", 30), ("12h", 0.5), ("365d", 365), ("48h", 2)])
def test_ages(text: str, days: float) -> None:
    """Backups are kept for days, so days are a unit here."""
    assert duration.age(text) == days * 86400


@pytest.mark.parametrize("value", [30, "30", "30s", "10m", "0d", "-1d", "1.5d", None, "1d\n"])
def test_not_ages(value: object) -> None:
    """Seconds and minutes would be slips of the pen."""
    with pytest.raises(ValueError, match=r"days|zero"):
        duration.age(value)
