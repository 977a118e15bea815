"""How old the key is that logs in, and what is said of it."""

import pytest

from turnout.doctor.finding import Place
from turnout.doctor.key_age import DAY, Mine, judge

NOW = 1_000 * DAY
AT = Place("deploy@a")
CI = Mine("SHA256:ci", "VPS_SSH_KEY")


def file(mark: str, days: float) -> Mine:
    return Mine(mark, f"/home/a/.ssh/{mark}", NOW - days * DAY)


@pytest.mark.parametrize(
    "mine, since, level, words",
    [
        ([file("f", 10)], {}, "ok", "its file was written 10 days ago"),
        ([file("f", 180.5)], {}, "ok", "180 days"),
        ([file("f", 181.1)], {}, "warning", "older than 180 days: its file was written 181 days ago"),
        ([file("f", 400)], {"f": NOW - 3 * DAY}, "ok", "rotated 3 days ago"),
        ([file("f", 1)], {"f": NOW - 300 * DAY}, "warning", "rotated 300 days ago"),
        ([file("f", 1)], {"other": NOW - 300 * DAY}, "ok", "its file was written 1 day ago"),
        ([CI], {CI.fingerprint: NOW - 200 * DAY}, "warning", "rotated 200 days ago"),
        ([CI], {}, "ok", "not known"),
        ([], {}, "ok", "not known"),
        ([file("f", -1)], {}, "ok", "written today"),
    ],
)
def test_the_host_s_journal_counts_before_the_file(
    mine: list[Mine], since: dict[str, float], level: str, words: str
) -> None:
    """A copied file has a new date; a key that was rotated has the date of that."""
    found = judge(mine, since, "production", AT, NOW)

    assert (found.level, words in found.message) == (level, True), found
    assert bool(found.remedy) == (level == "warning")
    assert found.exit_code == 0
