"""Each question by itself: what it answers, what it asks for, and what a person is told to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from turnout.config import when
from turnout.gate import rules
from turnout.gate.calendar import Calendar
from turnout.gate.model import Answer, Check, Facts, Running, Soaked

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
"""A Wednesday."""
NEW = Running("deploy@a", "v1", "1 file since v1", age="v1 runs 46b8cfc652, which comes before it")
SAME = replace(NEW, differs="")
GO = Facts("production", "3f2a1bc45d", NOW, "backend", ("main",), "origin/main", (NEW,))
PEAK = Calendar((when.window("not 11:00-14:00"),))
HOUR = 3600.0


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def check(state: Any, *remedy: str) -> Check:
    return Check("test", state, "", remedy)


@pytest.mark.parametrize(
    "rule, facts, answer, effect, said",
    [
        (rules.branch, {}, "yes", "go", "on origin/main"),
        (rules.branch, {"branch": None}, "no", "refuse", "merge it into main and push"),
        (rules.changed, {"running": None}, "not asked", "go", ""),
        (rules.changed, {}, "yes", "go", "1 file since v1"),
        (rules.changed, {"running": (Running("deploy@a"),)}, "yes", "go", "nothing is deployed there yet"),
        (rules.changed, {"running": (SAME,)}, "no", "skip", "nothing in backend/ changed since v1"),
        (rules.changed, {"running": (SAME, NEW)}, "yes", "go", "deploy@a: 1 file since v1"),
        (rules.changed, {"running": (SAME,), "source": "."}, "no", "skip", "nothing in the repository changed"),
        (rules.older, {}, "no", "go", "comes before it"),
        (rules.older, {"running": None}, "not asked", "go", ""),
        (rules.older, {"running": (replace(NEW, newer=True, age="v1 is ahead"),)}, "yes", "refuse", "v1 is ahead"),
        (rules.older, {"running": (replace(NEW, newer=True, back="v0"),)}, "yes", "refuse", "rollback production v0"),
        (rules.older, {"running": (replace(SAME, newer=True),)}, "not asked", "go", ""),
        (rules.urgent, {}, "no", "go", ""),
        (rules.urgent, {"urgent": "it burns"}, "yes", "go", "it burns"),
        (rules.checks, {}, "yes", "go", "none is required"),
        (rules.checks, {"checks": (check("passed"),)}, "yes", "go", "test passed"),
        (rules.checks, {"checks": (check("later"),)}, "later", "go", "in the clean checkout"),
        (rules.checks, {"checks": (check("unfinished"),)}, "not yet", "wait", "when it is finished"),
        (rules.checks, {"checks": (check("unknown", "export X"),)}, "unknown", "refuse", "export X"),
        (rules.checks, {"checks": (check("failed"),)}, "no", "refuse", "mend it and push again"),
        (rules.checks, {"checks": (check("failed"), check("unfinished"))}, "no", "refuse", "test failed"),
        (rules.checks, {"checks": (check("unfinished"),), "urgent": "x"}, "not yet", "go", "not finished"),
        (rules.checks, {"checks": (check("unknown"),), "urgent": "x"}, "unknown", "go", "cannot be asked"),
        (rules.checks, {"checks": (check("failed"),), "urgent": "x"}, "no", "refuse", "test failed"),
        (rules.checks, {"checks": (check("failed"),), "running": (SAME,)}, "not asked", "go", ""),
        (rules.required, {}, "no", "go", ""),
        (rules.required, {"required": Soaked("staging")}, "no", "refuse", "turnout deploy staging --ref 3f2a1bc45d"),
        (rules.required, {"required": Soaked("staging"), "urgent": "x"}, "no", "refuse", "never blessed there"),
        (rules.required, {"required": Soaked("staging", why="no answer", remedy=("ping",))}, "no", "refuse", "ping"),
        (rules.required, {"required": Soaked("staging", 0, "v7", ago(1))}, "yes", "go", "as v7"),
        (rules.required, {"required": Soaked("staging", HOUR, "v7", ago(60))}, "yes", "go", "as v7"),
        (rules.required, {"required": Soaked("staging", HOUR, "v7", ago(59))}, "not yet", "wait", "59 min"),
        (rules.required, {"required": Soaked("staging", HOUR, "v7", ago(59)), "urgent": "x"}, "not yet", "go", "v7"),
        (rules.required, {"required": Soaked("staging", HOUR, "v7", ago(99), ago(1))}, "yes", "go", "v7"),
        (rules.required, {"required": Soaked("staging", HOUR, "v7", ago(99), ago(50))}, "no", "refuse", "leave it"),
        (rules.required, {"required": Soaked("staging"), "running": (SAME,)}, "not asked", "go", ""),
        (rules.window, {}, "yes", "go", "no window is set"),
        (rules.window, {"calendar": Calendar((when.window("not Sun"),))}, "yes", "go", "Wed 25 Nov 12:00 UTC"),
        (rules.window, {"calendar": PEAK}, "no", "wait", "not 11:00-14:00"),
        (rules.window, {"calendar": PEAK, "urgent": "x"}, "no", "go", "not 11:00-14:00"),
        (rules.window, {"calendar": Calendar((when.window("not Mon-Sun"),))}, "no", "refuse", "never opens"),
        (rules.window, {"calendar": PEAK, "running": (SAME,)}, "not asked", "go", ""),
    ],
)  # fmt: skip
def test_one_question(rule: Any, facts: dict[str, Any], answer: str, effect: str, said: str) -> None:
    """The answer, its effect, and a text that stands in its evidence, its reason or its remedy."""
    found: Answer = rule(replace(GO, **facts))
    assert (found.name, found.answer, found.effect) == (
        rule.__name__.replace("required", "requires"),
        answer,
        effect,
    )
    assert said in "\n".join([found.reason, *found.evidence, *found.remedy])
    assert found.passed == (
        bool(facts.get("urgent")) and answer in {"no", "not yet", "unknown"} and effect == "go"
    )


def test_a_wait_says_until_when() -> None:
    """The end of the soak time, and the moment at which the window opens."""
    soak = rules.required(replace(GO, required=Soaked("staging", HOUR, "v7", ago(45))))
    assert soak.until == NOW + timedelta(minutes=15)
    assert rules.window(replace(GO, calendar=PEAK)).until == NOW + timedelta(hours=2)
