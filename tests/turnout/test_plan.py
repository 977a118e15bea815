"""The plans: the order that DESIGN 3 and the README tell people."""

from __future__ import annotations

import importlib

import pytest

from turnout.deploy import DEPLOY, ROLLBACK
from turnout.plan import Plan, Step
from turnout.steps.work import Done, Work

WORDS = (
    "gate checkout toolchain build package survey upload stage dotenv install backup migrate rehearse activate"
    " verify save prune notify"
)


async def nothing(_work: Work) -> Done:
    return Done()


def test_deploy_says_the_steps_of_the_design_in_their_order() -> None:
    """deploy.py is the table of contents."""
    assert DEPLOY.names == WORDS.split()


def test_rollback_migrates_nothing_and_verifies_as_usual() -> None:
    """DESIGN 3: survey, activate, verify, save, notify, with a rehearsal where something changed."""
    assert ROLLBACK.names == ["survey", "rehearse", "activate", "verify", "save", "notify"]


def test_a_host_switches_and_is_proved_in_one_turn() -> None:
    """`first host first` in a row is one turn; what belongs to an earlier step has none of its own."""
    turns = {step.name: [one.name for one in DEPLOY.together(step)] for step in DEPLOY.steps}
    assert turns["activate"] == ["activate", "verify"]
    assert turns["verify"] == []


@pytest.mark.parametrize("name", WORDS.split())
def test_each_word_is_a_file_with_a_function_of_that_name(name: str) -> None:
    """A reader finds any step in one jump."""
    module = importlib.import_module(f"turnout.steps.{name}")
    assert getattr(module, name).__doc__


@pytest.mark.parametrize(
    "steps",
    [
        (Step("a", "deployer", nothing), Step("a", "deployer", nothing)),
        (Step("a", "deployer", nothing, after=("b",)), Step("b", "deployer", nothing, after=("a",))),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(steps: tuple[Step, ...]) -> None:
    """Twice the same name, or a circle."""
    with pytest.raises(ValueError, match=r"twice|one another"):
        Plan("p", steps)
