"""What all answers amount to. Pure; the order of the rules makes no difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from turnout.gate.model import Answer, Effect, Facts, Verdict, Word
from turnout.gate.rules import RULES

RANK: dict[Effect, int] = {"go": 0, "wait": 1, "skip": 2, "refuse": 3}
"""The highest wins: what is refused need not wait, and where there is nothing to do there is nothing to wait for."""
_WORD: dict[Effect, Word] = {"go": "deploy", "wait": "wait", "skip": "skip", "refuse": "refuse"}


def decide(facts: Facts, rules: Iterable[Callable[[Facts], Answer]] = RULES) -> Verdict:
    """Ask every question; `deploy`, `wait until`, `skip` or `refuse`, with every answer and its evidence."""
    answers = tuple(rule(facts) for rule in rules)
    effects: list[Effect] = [answer.effect for answer in answers]
    effect: Effect = max(effects, key=lambda one: RANK[one], default="go")
    until = _until(facts, answers) if effect == "wait" else None
    return Verdict(_WORD[effect], answers, until, facts.calendar.shown(until) if until else "")


def _until(facts: Facts, answers: tuple[Answer, ...]) -> datetime | None:
    """When all waits are over and the window is open then; None when one of them has no known end."""
    waits = [answer.until for answer in answers if answer.effect == "wait"]
    known = [until for until in waits if until is not None]
    if len(known) < len(waits) or not known:
        return None
    latest = max(known)
    return latest if facts.urgent else facts.calendar.opens(latest) or latest
