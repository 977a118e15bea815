"""The verdict over all combinations of answers, and what must hold for any facts in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.turnout.gate.test_rules import GO, HOUR, NEW, NOW, PEAK, SAME, ago, check
from turnout.config import when
from turnout.gate.calendar import Calendar
from turnout.gate.model import Facts, Running, Soaked, Verdict
from turnout.gate.rules import RULES
from turnout.gate.verdict import decide

BRANCH = {"yes": "origin/main", "no": None}
RUNS = {"changed": NEW, "same": SAME, "newer": replace(NEW, newer=True)}
URGENT = {"no": None, "yes": "it burns"}
CHECKS = {state: (check(state),) for state in ("passed", "later", "unfinished", "unknown", "failed")}
REQUIRED = {
    "none": None,
    "absent": Soaked("staging", HOUR),
    "soaked": Soaked("staging", HOUR, "v7", ago(60)),
    "soaking": Soaked("staging", HOUR, "v7", ago(30)),
    "replaced": Soaked("staging", HOUR, "v7", ago(60), ago(50)),
}
WINDOW = {"open": Calendar(), "closed": PEAK, "never": Calendar((when.window("not Mon-Sun"),))}
COMBINATIONS = list(product(BRANCH, RUNS, URGENT, CHECKS, REQUIRED, WINDOW))


def facts(branch: str, runs: str, urgent: str, checks: str, required: str, window: str) -> Facts:
    return replace(
        GO,
        branch=BRANCH[branch],
        running=(RUNS[runs],),
        urgent=URGENT[urgent],
        checks=CHECKS[checks],
        required=REQUIRED[required],
        calendar=WINDOW[window],
    )


def expected(branch: str, runs: str, urgent: str, checks: str, required: str, window: str) -> str:
    """The specification once more, as prose would say it."""
    if branch == "no":
        return "refuse"
    if runs == "same":
        return "skip"
    if runs == "newer" or checks == "failed" or required == "absent":
        return "refuse"
    if urgent == "yes":
        return "deploy"
    if checks == "unknown" or required == "replaced" or window == "never":
        return "refuse"
    return "wait" if "unfinished" in checks or required == "soaking" or window == "closed" else "deploy"


def test_all_combinations() -> None:
    """900 rows: the verdict, and that whatever stops has a reason and something to do."""
    assert len(COMBINATIONS) == 2 * 3 * 2 * 5 * 5 * 3
    for row in COMBINATIONS:
        verdict = decide(facts(*row))
        assert verdict.word == expected(*row), row
        assert [answer.name for answer in verdict.answers] == [
            "changed", "branch", "older", "urgent", "checks", "requires", "window",
        ]  # fmt: skip
        if verdict.word in {"wait", "refuse"}:
            assert all(verdict.reasons), row
            assert all(verdict.remedy), row
            assert verdict.remedy, row


@pytest.mark.parametrize(
    "changes, word, until, headline",
    [
        ({}, "deploy", None, "deploy"),
        ({"calendar": PEAK}, "wait", 120, "wait until Wed 25 Nov 14:00 UTC: the window is closed: not 11:00-14:00"),
        ({"required": REQUIRED["soaking"]}, "wait", 30, "wait until Wed 25 Nov 12:30 UTC: it has run on staging"),
        ({"required": REQUIRED["soaking"], "calendar": PEAK}, "wait", 120, "wait until Wed 25 Nov 14:00 UTC"),
        (
            {"required": REQUIRED["soaking"], "calendar": Calendar((when.window("not 12:15-18:00"),))},
            "wait",
            360,
            "wait until Wed 25 Nov 18:00 UTC: it has run on staging",
        ),
        ({"checks": CHECKS["unfinished"], "calendar": PEAK}, "wait", None, "test is not finished"),
        ({"running": (SAME,), "calendar": PEAK}, "skip", None, "nothing in backend/ changed since v1"),
    ],
)  # fmt: skip
def test_until_when(changes: dict[str, Any], word: str, until: int | None, headline: str) -> None:
    """All waits are over then and the window is open then, though it may be open now; None while nobody knows."""
    verdict = decide(replace(GO, **changes))
    assert verdict.word == word
    assert verdict.until == (None if until is None else NOW + timedelta(minutes=until))
    assert verdict.headline.startswith(headline)
    assert ("--urgent --reason" in " ".join(verdict.remedy)) == (word == "wait")


def test_what_urgency_lets_pass_is_said() -> None:
    """The one line of a deployment names it, so that it is never silent."""
    verdict = decide(replace(GO, urgent="it burns", calendar=PEAK))
    assert verdict.words == ["urgent: it burns", "passed by urgency: the window is closed: not 11:00-14:00"]
    assert [answer.name for answer in verdict.answers if answer.passed] == ["window"]


RUNNING = st.builds(
    Running,
    st.sampled_from(["deploy@a", "deploy@b"]),
    st.sampled_from([None, "v1", "v2"]),
    st.sampled_from(["", "3 files since v1"]),
    st.booleans(),
    st.sampled_from(["", "v2 comes after it"]),
    st.sampled_from([None, "v1"]),
)
MOMENTS = st.one_of(st.none(), st.integers(-5, 5000).map(ago))
REQUIREMENTS = st.one_of(
    st.none(),
    st.builds(
        Soaked, st.just("staging"), st.sampled_from([0.0, HOUR]), st.just("v7"), MOMENTS, MOMENTS, st.text(max_size=9)
    ),
)  # fmt: skip
CALENDARS = st.builds(
    lambda words: Calendar(tuple(map(when.window, words)), zone="Europe/Berlin"),
    st.lists(
        st.sampled_from(["not 11:00-14:00", "09:00-17:00 Mon-Thu", "not Wed", "22:00-04:00"]), max_size=3
    ),
)
FACTS = st.builds(
    Facts,
    st.just("production"),
    st.just("3f2a1bc45d"),
    st.integers(-100_000, 100_000).map(ago),
    st.sampled_from([".", "backend"]),
    st.just(("main", "production")),
    st.sampled_from([None, "main"]),
    st.one_of(st.none(), st.lists(RUNNING, min_size=1, max_size=3).map(tuple)),
    st.sampled_from([None, "it burns"]),
    st.lists(st.sampled_from(list(CHECKS)).map(check), max_size=3).map(tuple),
    REQUIREMENTS,
    CALENDARS,
)


@settings(max_examples=300, deadline=None)
@given(FACTS, st.permutations(RULES))
def test_the_order_of_the_rules_makes_no_difference(found: Facts, order: list[Any]) -> None:
    """Verdict, time, and every single answer are the same in any order."""
    usual, other = decide(found), decide(found, order)
    assert (usual.word, usual.until) == (other.word, other.until)
    assert set(usual.answers) == set(other.answers)
    assert sorted(usual.reasons) == sorted(other.reasons)


@settings(max_examples=300, deadline=None)
@given(FACTS)
def test_what_stops_always_has_a_reason_that_a_person_can_act_on(found: Facts) -> None:
    """No empty reason, no empty remedy; `deploy` has neither; a time only with `wait`, in the future and open then."""
    verdict = decide(found)
    assert bool(verdict.reasons) == (verdict.word != "deploy")
    if verdict.word in {"wait", "refuse"}:
        assert all(reason.strip() for reason in verdict.reasons)
        assert verdict.remedy
        assert all(line.strip() for line in verdict.remedy)
    assert verdict.until is None or (verdict.word == "wait" and verdict.until >= found.now)
    if verdict.until and not found.urgent:
        assert not found.calendar.closed(verdict.until)


@settings(max_examples=300, deadline=None)
@given(FACTS)
def test_urgency_passes_waits_and_never_a_check_that_failed(found: Facts) -> None:
    """Urgent: nothing waits; a failed check, a wrong branch and an older revision are refused as before."""
    calm, hasty = decide(replace(found, urgent=None)), decide(replace(found, urgent="it burns"))
    assert hasty.word != "wait"
    assert (calm.word, hasty.word) in {
        ("deploy", "deploy"), ("skip", "skip"), ("wait", "deploy"), ("refuse", "refuse"), ("refuse", "deploy"),
    }  # fmt: skip
    if any(one.state == "failed" for one in found.checks) and not found.unchanged:
        assert hasty.word == "refuse"


@settings(max_examples=200, deadline=None)
@given(FACTS)
def test_after_the_wait_it_is_deployed(found: Facts) -> None:
    """With the same facts at the time that was named, nothing is left to wait for."""
    verdict = decide(found)
    if verdict.until:
        later: Verdict = decide(replace(found, now=verdict.until))
        assert later.word == "deploy"
