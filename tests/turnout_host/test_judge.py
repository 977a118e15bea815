from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout_host.judge import BAD, GOOD, SICK, WAIT, WAITING, WELL, Judge, body_pid, verdict, wrong_release
from turnout_host.probe import Answer

HEALTH = {"passes": 3, "retries": 4, "start_period": 10.0}
LETTERS = {"g": GOOD, "w": WAIT, "b": BAD}


def fed(verdicts: str, step: float = 0.1, well: bool = False) -> Judge:
    judge = Judge(HEALTH, 0.0, well)
    for number, letter in enumerate(verdicts, 1):
        judge.feed(LETTERS[letter], f"reason {letter}", number * step)
    return judge


@pytest.mark.parametrize(
    "verdicts, step, well, state, reason",
    [
        ("ggg", 0.1, False, WELL, ""),
        ("gg", 0.1, False, WAITING, ""),
        ("w" * 50 + "ggg", 0.1, False, WELL, ""),  # a slow boot
        ("w" * 100, 0.1, False, SICK, "no good answer within 10 s: reason w"),
        ("w" * 99, 0.1, False, WAITING, ""),
        ("bbb", 0.1, False, WAITING, ""),
        ("bbbb", 0.1, False, SICK, "reason b (4 times in a row)"),
        ("bbbwbbbggg", 0.1, False, WELL, ""),  # not in a row
        ("gwww", 0.1, False, WAITING, ""),
        ("gwwww", 0.1, False, SICK, "reason w (4 times in a row)"),  # it did answer before
        ("gwbwb", 0.1, False, SICK, "reason b (4 times in a row)"),
        ("ggbggbggg", 0.1, False, WELL, ""),
        ("ggb" * 40, 0.1, False, SICK, "it answers now well, now not within 10 s"),  # flaps
        ("gb" * 60, 0.1, False, SICK, "it answers now well, now not within 10 s"),
        ("w" * 98 + "gggg", 0.1, False, WELL, ""),  # just in time
        ("gggbbb", 0.1, False, WELL, ""),
        ("gggbbbb", 0.1, False, SICK, "reason b"),
        ("wwww", 0.1, True, SICK, "reason w (4 times in a row)"),  # the bake: nothing is waited for
        ("wwwgwww", 0.1, True, WELL, ""),
        ("bbbbggg", 0.1, False, SICK, "reason b"),  # sick stays sick
    ],
)
def test_table(verdicts, step, well, state, reason):
    """The rules of DESIGN 7 for the health keys, case by case."""
    judge = fed(verdicts, step, well)
    assert judge.state == state
    assert reason in judge.reason
    assert bool(judge.reason) == (state == SICK)


@given(st.text("gwb", max_size=60))
def test_well_means_passes_in_a_row(verdicts):
    """Nothing becomes well without `passes` good answers in a row, and nothing with `retries` wrong ones stays well."""
    judge = fed(verdicts)
    if judge.state == WELL:
        assert "ggg" in verdicts
    if "bbbb" in verdicts:
        assert judge.state == SICK


@pytest.mark.parametrize(
    "ok, status, kind",
    [
        (True, 200, GOOD),
        (False, None, WAIT),
        (False, 503, WAIT),
        (False, 500, BAD),
        (False, 404, BAD),
        (False, 301, BAD),
    ],
)
def test_verdicts(ok, status, kind):
    """No answer and 503 are what an app that is starting gives; other statuses are wrong."""
    assert verdict(Answer(ok, status, 0.0, None, "")) == kind


@pytest.mark.parametrize(
    "body, wrong, pid",
    [
        (None, None, None),
        ({}, None, None),
        ({"release": "v43"}, None, None),
        ({"release": "v43-0123456789ab", "pid": 7}, None, 7),
        ({"release": "v42", "pid": "7"}, "v42", None),
        ({"release": 43, "pid": True}, "43", None),
        ({"release": ["v43"]}, "['v43']", None),
    ],
)
def test_who_answered(body, wrong, pid):
    """A body may name its release by number or by RELEASE_ID, and its pid as a number."""
    answer = Answer(True, 200, 0.0, body, "")
    assert wrong_release(answer, ("v43", "v43-0123456789ab")) == wrong
    assert body_pid(answer) == pid
