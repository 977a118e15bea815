"""How a deployment obeys a verdict: it ends well, waits, or is refused, on the line of the rule that is to blame."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.turnout.gate.test_rules import GO, HOUR, PEAK, ago, check
from tests.turnout.steps.conftest import TOML, Scene
from turnout.config import when
from turnout.errors import GateRefused
from turnout.gate.calendar import Calendar
from turnout.gate.model import Facts, Soaked
from turnout.gate.verdict import decide
from turnout.steps import gate

RULES = """\
github_checks = ["test"]
windows = [
  "not 11:00-14:00",
]
requires = "staging"
soak = "1h"
freezes = ["25 Nov"]
holidays = ["25 Nov"]
[environments.staging]
path = "/srv/staging"
hosts = ["local"]
"""
TODAY = when.day("25 Nov")


@pytest.mark.parametrize(
    "facts, waits, rule",
    [
        (replace(GO, branch=None), False, "branches"),
        (replace(GO, checks=(check("failed"),)), False, "github_checks"),
        (replace(GO, checks=(check("unfinished"),)), True, "github_checks"),
        (replace(GO, calendar=PEAK), True, "windows"),
        (replace(GO, calendar=Calendar(freezes=(when.freeze("25 Nov"),))), True, "freezes"),
        (replace(GO, calendar=Calendar(holidays=(TODAY,))), True, "holidays"),
        (replace(GO, required=Soaked("staging", HOUR)), False, "requires"),
        (replace(GO, required=Soaked("staging", HOUR, "v7", ago(30))), True, "soak"),
        (replace(GO, running=(replace(GO.running[0], newer=True),)), False, ""),  # type: ignore[index]
    ],
)
async def test_a_refusal_is_on_the_line_of_the_rule(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, facts: Facts, waits: bool, rule: str
) -> None:
    """In Actions that is where the annotation goes; who is notified hears of a wait, also of one without an end."""
    monkeypatch.chdir(scene.played.root)
    text = TOML + RULES
    (scene.played.root / "turnout.toml").write_text(text)
    line = next((at for at, one in enumerate(text.splitlines(), 1) if one.startswith(f"{rule} =")), 0)

    with pytest.raises(GateRefused) as caught:
        gate.obey(await scene.work(environment="production"), decide(facts))

    assert caught.value.where == (f"turnout.toml:{line}:1" if rule else "")
    assert caught.value.waits is waits
