"""What happens in the demo, act by act: the words, the change, and how it must end. Data; scenario.py plays it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from turnout import text
from turnout.cli.demo.author import Change, Edit
from turnout.cli.demo.traffic import Figures
from turnout.errors import Unhealthy
from turnout.model import Outcome


@dataclass(frozen=True)
class Act:
    """One deployment of the demo. `serves` is the release that must serve afterwards, `before` the one that did."""

    name: str
    title: str
    says: tuple[str, ...]
    command: str
    release: str
    serves: str
    before: str | None = None
    change: Change | None = None
    good: bool = True
    """Whether it must succeed; else it must be stopped in the rehearsal."""


@dataclass
class Played:
    """An act and how it went."""

    act: Act
    outcome: Outcome
    steps: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Status and seconds of each step."""
    began: Figures = field(default_factory=Figures)
    """What the clients had counted when it began."""
    traffic: Figures = field(default_factory=Figures)
    """What they counted in it."""


ACTS = (
    Act(
        name="first",
        title="The first release",
        says=(
            "The server is bare: Turnout brings Node, PM2 and the dependencies.",
            "The first time npm fetches them, which takes about a minute.",
        ),
        command="turnout deploy production",
        release="v1",
        serves="v1",
    ),
    Act(
        name="change",
        title="A change",
        says=("New words in one file: only the difference travels.", "Users must not notice."),
        command="turnout deploy production",
        release="v2",
        serves="v2",
        before="v1",
        change=Change(
            "Welcome people back",
            (Edit("src/config/greeting.ts", "'Welcome to Blue Video'", "'Welcome back to Blue Video'"),),
        ),
    ),
    Act(
        name="crash",
        title="A release that crashes",
        says=(
            "It needs a MAIL_KEY that the server's .env lacks: it cannot start.",
            "This one must fail, and users must not notice.",
        ),
        command="turnout deploy production",
        release="v3",
        serves="v2",
        before="v2",
        change=Change(
            "Send mail, which needs MAIL_KEY",
            (
                Edit(
                    "src/config/env.ts",
                    "['DATABASE_URL', 'API_KEY']",
                    "['DATABASE_URL', 'API_KEY', 'MAIL_KEY']",
                ),
            ),
        ),
        good=False,
    ),
    Act(
        name="error 500",
        title="A release that is broken",
        says=(
            "It starts, but without a video its /health answers 500.",
            "This one must fail, too, and users must not notice.",
        ),
        command="turnout deploy production",
        release="v4",
        serves="v2",
        before="v2",
        change=Change(
            "Call an empty catalogue unhealthy",
            (
                Edit("src/controllers/health.ts", "() => true", "(video) => video !== null"),
                Edit("src/controllers/health.ts", "200 : 503", "200 : 500"),
            ),
        ),
        good=False,
    ),
    Act(
        name="rollback",
        title="The way back",
        says=("v1 is still there, complete: nothing is built, and nothing is sent.",),
        command="turnout rollback production",
        release="v1",
        serves="v1",
        before="v2",
    ),
)


def proof(played: Played) -> str:
    """What an act has shown, in one line."""
    act = played.act
    if act.before is None:
        return f"{act.serves} serves, and from now on clients send requests all the time."
    counted = f"{played.traffic.requests:,} requests, {played.traffic.failed:,} failed"
    if not act.good:
        return f"As expected. {act.serves} never stopped serving: {counted}."
    return f"{act.before} handed over to {act.serves}: {counted}."


def faults(played: Played) -> list[str]:
    """What did not go as it must, in words; nothing for an act that went well."""
    act, outcome, traffic = played.act, played.outcome, played.traffic
    found = []
    wanted = ("succeeded", 0) if act.good else ("failed", Unhealthy.exit_code)
    if (outcome.result, outcome.exit_code) != wanted:
        found.append(
            f"it must end as {wanted[0]} ({wanted[1]}) and ended as {outcome.result} ({outcome.exit_code})"
        )
    elif outcome.release != act.release:
        found.append(f"it must be about {act.release} and was about {outcome.release or 'none'}")
    if not act.good and played.steps.get("rehearse", ("",))[0] != "failed":
        found.append("it was not the rehearsal that failed")
    if traffic.failed:
        found.append(f"{traffic.failed:,} of {traffic.requests:,} requests failed: {_most(traffic.reasons)}")
    strangers = set(traffic.releases) - {act.before, act.serves}
    if strangers:
        found.append(f"users were answered by {', '.join(sorted(strangers))}")
    if act.before and not traffic.ok:
        found.append("no request was answered")
    return found


def sent(played: Played) -> str:
    """How much went to the server."""
    return text.size(played.outcome.bytes_sent) if played.outcome.bytes_sent else "-"


def _most(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(3))
