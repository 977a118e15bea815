"""What the acts say, what they change, and when one has gone wrong."""

from collections import Counter
from typing import Any

import pytest

from turnout.cli.demo.acts import ACTS, Played, faults, proof
from turnout.cli.demo.author import replaced
from turnout.cli.demo.site import sample
from turnout.cli.demo.stage import WIDTH
from turnout.cli.demo.table import table
from turnout.cli.demo.traffic import Figures
from turnout.errors import TurnoutError
from turnout.model import Outcome

FIRST, CHANGE, CRASH, BROKEN, ROLLBACK = ACTS
SERVED = {CHANGE: ("v1", "v2"), CRASH: ("v2",), BROKEN: ("v2",), ROLLBACK: ("v2", "v1")}


def as_it_must(act: Any, **traffic: Any) -> Played:
    """An act that went well, but for what `traffic` says."""
    counted = {"ok": 1234, "releases": Counter(dict.fromkeys(SERVED.get(act, ()), 400)), **traffic}
    figures = Figures(**counted) if act is not FIRST else Figures()
    if act.good:
        outcome = Outcome("succeeded", 0, act.release, act.before, 12.3, 61_000)
        return Played(act, outcome, {"rehearse": ("done", 1.0)}, traffic=figures)
    outcome = Outcome("failed", 50, act.release, act.before, 5.0, 6_000)
    return Played(act, outcome, {"rehearse": ("failed", 1.0), "activate": ("skipped", 0.0)}, traffic=figures)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_an_act_that_goes_as_it_must_has_no_fault(act: Any) -> None:
    """Good ones succeed, bad ones are stopped in the rehearsal."""
    assert faults(as_it_must(act)) == []


@pytest.mark.parametrize(
    "act, outcome, steps, said",
    [
        (CHANGE, Outcome("failed", 50, "v2"), {}, "it must end as succeeded (0) and ended as failed (50)"),
        (
            CHANGE,
            Outcome("unchanged", 0, "v1"),
            {},
            "it must end as succeeded (0) and ended as unchanged (0)",
        ),
        (CHANGE, Outcome("succeeded", 0, "v9"), {}, "it must be about v2 and was about v9"),
        (CRASH, Outcome("succeeded", 0, "v3"), {}, "it must end as failed (50) and ended as succeeded (0)"),
        (CRASH, Outcome("reverted", 50, "v3"), {}, "it must end as failed (50) and ended as reverted (50)"),
        (
            BROKEN,
            Outcome("failed", 11),
            {"build": ("failed", 1.0)},
            "it must end as failed (50) and ended as failed (11)",
        ),
        (
            CRASH,
            Outcome("failed", 50, "v3"),
            {"rehearse": ("done", 1.0)},
            "it was not the rehearsal that failed",
        ),
    ],
)
def test_another_end_is_a_fault(act: Any, outcome: Outcome, steps: dict[str, Any], said: str) -> None:
    """What must have happened, and what did."""
    played = as_it_must(act)
    played.outcome, played.steps = outcome, steps
    assert said in faults(played)


@pytest.mark.parametrize(
    "traffic, said",
    [
        (
            {"failed": 3, "reasons": Counter({"answered 500": 3})},
            "3 of 1,237 requests failed: answered 500 (3)",
        ),
        ({"releases": Counter({"v2": 5, "v3": 1})}, "users were answered by v3"),
        ({"ok": 0, "releases": Counter()}, "no request was answered"),
    ],
)
def test_what_users_must_not_see_is_a_fault(traffic: dict[str, Any], said: str) -> None:
    """A failed request, an answer of a release that must not serve, or no answer at all."""
    assert faults(as_it_must(CRASH, **traffic)) == [said]


def test_every_change_fits_the_sample() -> None:
    """Each edit finds its place exactly once, in the order of the acts; bad ones are taken back."""
    files: dict[str, str] = {}
    for act in ACTS:
        changed = dict(files)
        for edit in act.change.edits if act.change else ():
            text = changed.get(edit.file) or (sample() / edit.file).read_text()
            changed[edit.file] = replaced(text, edit)
        files = changed if act.good else files


def test_a_sample_that_has_changed_is_told() -> None:
    """Not silently demonstrated with another change than the one that is announced."""
    assert CHANGE.change
    with pytest.raises(TurnoutError, match="not the one that the demo knows"):
        replaced("export const greeting = 'Hello';", CHANGE.change.edits[0])


def test_everything_fits_a_narrow_terminal() -> None:
    """No line of ours is wrapped at 70 columns, and no act says nothing."""
    millions = Counter(dict.fromkeys(("v1", "v2"), 1_000_000))
    everything = [as_it_must(act, ok=1_234_567, releases=millions) for act in ACTS]
    lines = [f"   {line}" for act in ACTS for line in act.says]
    lines += [f"   0123456789 {act.change.subject}" for act in ACTS if act.change]
    lines += [f"→ {proof(played)}" for played in everything]
    lines += [line for _, line in table(everything)]
    assert [line for line in lines if len(line) > WIDTH] == []
    assert all(act.says for act in ACTS)


def test_a_proof_names_the_release_that_serves_and_counts() -> None:
    """The one line that people remember."""
    assert proof(as_it_must(CRASH)) == "As expected. v2 never stopped serving: 1,234 requests, 0 failed."
    assert proof(as_it_must(ROLLBACK)) == "v2 handed over to v1: 1,234 requests, 0 failed."
