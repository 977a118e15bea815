"""The questions of the decision tree, a function each, in the order in which the tree is drawn (spec).

A rule sees all facts and nothing else; which one comes first makes no difference to the verdict. What is needless when
nothing changed is not asked. Urgency passes windows, soak and unfinished checks; never a check that failed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from turnout import text
from turnout.gate.model import Answer, Check, Effect, Facts, Soaked


def branch(facts: Facts) -> Answer:
    """Is the branch one of the environment's?"""
    asked = Answer(
        "branch", f"Is it on {' or '.join(facts.branches)}?", "yes", evidence=(f"on {facts.branch}",)
    )
    if facts.branch:
        return asked
    return replace(
        asked,
        answer="no",
        effect="refuse",
        reason=f"{facts.revision} is on none of the branches of {facts.environment}",
        evidence=(f"allowed: {', '.join(facts.branches)}",),
        remedy=(
            f"merge it into {facts.branches[0]} and push",
            "or add its branch to `branches` in turnout.toml",
        ),
        rule="branches",
    )


def changed(facts: Facts) -> Answer:
    """Did anything under `source` change since what runs there?"""
    asked = Answer("changed", f"Did anything in {facts.folder} change?", "not asked")
    if facts.running is None:
        return asked
    if facts.unchanged:
        runs = ", ".join(sorted({str(host.release) for host in facts.running}))
        reason = f"nothing in {facts.folder} changed since {runs}, which serves"
        return replace(asked, answer="no", effect="skip", reason=reason)
    several = len(facts.running) > 1
    found = [f"{f'{host.host}: ' if several else ''}{host.differs}" for host in facts.running if host.differs]
    return replace(asked, answer="yes", evidence=tuple(found))


def older(facts: Facts) -> Answer:
    """Is an older revision about to overwrite a newer one?"""
    asked = Answer("older", "Is what runs there newer?", "no")
    if facts.running is None or facts.unchanged:
        return replace(asked, answer="not asked")
    ahead = [host for host in facts.running if host.newer]
    evidence = tuple(dict.fromkeys(host.age for host in ahead or facts.running if host.age))
    if not ahead:
        return replace(asked, evidence=evidence)
    backs = {host.back for host in facts.running if host.back}
    return replace(
        asked,
        answer="yes",
        effect="refuse",
        reason=f"{facts.revision} is older than what runs: {evidence[0] if evidence else ahead[0].host}",
        evidence=evidence,
        remedy=(
            "git fetch origin, and deploy the newest revision",
            *(
                f"if going back is meant: turnout rollback {facts.environment} {name}"
                for name in sorted(backs)
            ),
            "or undo the newer commits with git revert, push, and deploy that",
        ),
    )


def urgent(facts: Facts) -> Answer:
    """Is it urgent? By itself it stops nothing; it lets others pass."""
    asked = Answer("urgent", "Is it urgent?", "not asked" if facts.unchanged else "no")
    if not facts.urgent or facts.unchanged:
        return asked
    return replace(asked, answer="yes", evidence=(facts.urgent,), words=f"urgent: {facts.urgent}")


def checks(facts: Facts) -> Answer:
    """Did the checks pass?"""
    asked = Answer("checks", "Did all checks pass?", "yes", rule="github_checks")
    if facts.unchanged:
        return replace(asked, answer="not asked")
    if not facts.checks:
        return replace(asked, evidence=("none is required",))
    evidence = tuple(_said(check) for check in facts.checks)
    by = {state: [check for check in facts.checks if check.state == state] for state in _WORDS}
    if by["failed"]:
        return replace(_stopped(asked, by["failed"], "no", "refuse"), evidence=evidence)
    if by["unknown"]:
        return _unless_urgent(
            facts, replace(_stopped(asked, by["unknown"], "unknown", "refuse"), evidence=evidence)
        )
    if by["unfinished"]:
        waits = replace(_stopped(asked, by["unfinished"], "not yet", "wait"), evidence=evidence)
        return _unless_urgent(facts, waits)
    passed = f"{len(by['passed'])} of {len(facts.checks)} checks passed" if by["passed"] else ""
    return replace(asked, answer="later" if by["later"] else "yes", evidence=evidence, words=passed)


_WORDS = {
    "passed": "passed",
    "failed": "failed",
    "unfinished": "is not finished",
    "unknown": "cannot be asked for",
    "later": "is run by the deployment, in the clean checkout",
}


def _said(check: Check) -> str:
    return f"{check.name} {_WORDS[check.state]}{f': {check.detail}' if check.detail else ''}"


def _stopped(asked: Answer, which: list[Check], answer: str, effect: Effect) -> Answer:
    remedy = tuple(dict.fromkeys(line for check in which for line in check.remedy))
    usual = (
        ("mend it and push again",)
        if effect == "refuse"
        else ("when it is finished, the same command again",)
    )
    reason = "; ".join(_said(check) for check in which)
    return replace(asked, answer=answer, effect=effect, reason=reason, remedy=remedy or usual)


def required(facts: Facts) -> Answer:
    """Has this very artifact been blessed on the required environment, for the soak time?"""
    found = facts.required
    if found is None:
        answer = "not asked" if facts.unchanged else "no"
        return Answer("requires", "Must it be blessed elsewhere first?", answer)
    long = f" for {text.ago(found.soak)}" if found.soak else ""
    asked = Answer("requires", f"Was it blessed on {found.environment}{long}?", "yes", rule="requires")
    if facts.unchanged:
        return replace(asked, answer="not asked")
    if found.since is None:
        remedy = found.remedy or (f"turnout deploy {found.environment} --ref {facts.revision}",)
        why = found.why or "it was never blessed there"
        reason = f"{facts.environment} requires {found.environment}: {why}"
        return replace(asked, answer="no", effect="refuse", reason=reason, evidence=(why,), remedy=remedy)
    return _soaked(facts, found, asked)


def _soaked(facts: Facts, found: Soaked, asked: Answer) -> Answer:
    assert found.since
    ran = max(0.0, ((found.replaced or facts.now) - found.since).total_seconds())
    evidence = (f"as {found.release}, {'which ran' if found.replaced else 'for'} {text.ago(ran)}",)
    if ran >= found.soak:
        return replace(asked, evidence=evidence, words=f"blessed on {found.environment} as {found.release}")
    wanted, asked = text.ago(found.soak), replace(asked, rule="soak")
    if found.replaced:
        short = replace(
            asked,
            answer="no",
            effect="refuse",
            reason=f"{found.release} was replaced on {found.environment} after {text.ago(ran)}, {wanted} are wanted",
            remedy=(f"turnout deploy {found.environment} --ref {facts.revision}, and leave it there",),
            evidence=evidence,
        )
        return _unless_urgent(facts, short)
    until = found.since + timedelta(seconds=found.soak)
    reason = f"it has run on {found.environment} for {text.ago(ran)}, {wanted} are wanted"
    return _unless_urgent(
        facts,
        replace(
            asked,
            answer="not yet",
            effect="wait",
            reason=reason,
            until=until,
            evidence=evidence,
        ),
    )


def window(facts: Facts) -> Answer:
    """Is it inside the allowed window?"""
    asked = Answer("window", "Is the window open?", "yes")
    if facts.unchanged:
        return replace(asked, answer="not asked")
    if not facts.calendar:
        return replace(asked, evidence=("no window is set",))
    closed = facts.calendar.closed(facts.now)
    here = facts.calendar.shown(facts.now)
    if not closed:
        return replace(asked, evidence=(f"it is {here}",), words="the window is open")
    opens = facts.calendar.opens(facts.now)
    if opens is None:
        never = f"the window of {facts.environment} never opens: {closed}"
        remedy = ("mend `windows`, `freezes` or `holidays` in turnout.toml",)
        answer = replace(asked, answer="no", effect="refuse", reason=never, evidence=(closed,), remedy=remedy)
    else:
        shut = f"the window is closed: {closed}"
        answer = replace(asked, answer="no", effect="wait", reason=shut, until=opens)
    rule = facts.calendar.rule(facts.now)
    return _unless_urgent(facts, replace(answer, evidence=(f"{closed}; it is {here}",), rule=rule))


def _unless_urgent(facts: Facts, answer: Answer) -> Answer:
    """What urgency passes goes on; its answer and evidence stay as they are."""
    if not facts.urgent:
        return answer
    words = f"passed by urgency: {answer.reason}"
    return replace(answer, effect="go", reason="", remedy=(), until=None, passed=True, words=words)


RULES = (changed, branch, older, urgent, checks, required, window)
