"""What the gate speaks of: facts go in, answers with evidence come out, and a verdict. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from turnout.gate.calendar import Calendar

Effect = Literal["go", "skip", "wait", "refuse"]
"""What an answer asks for."""
Word = Literal["deploy", "skip", "wait", "refuse"]
CheckState = Literal["passed", "failed", "unfinished", "unknown", "later"]
"""`later`: a command that the deployment itself runs in the clean checkout."""
URGENTLY = 'or, if it cannot wait, add --urgent --reason "why"'


@dataclass(frozen=True)
class Running:
    """What one host runs now, against the revision that is asked about. Empty texts mean no."""

    host: str
    release: str | None = None
    differs: str = "nothing is deployed there yet"
    """What the deployment would change there, for people; "" when it is exactly the same."""
    newer: bool = False
    """What runs there comes after the revision, on a branch that counts."""
    age: str = ""
    """How the two stand to each other, for people."""
    back: str | None = None
    """A blessed release there of the very revision, or of the same inputs."""


@dataclass(frozen=True)
class Check:
    """One required check. `remedy` is for one that failed or could not be asked for."""

    name: str
    state: CheckState
    detail: str = ""
    remedy: tuple[str, ...] = ()


@dataclass(frozen=True)
class Soaked:
    """What the required environment says of this very artifact: since when it was blessed there; None: it was not.

    `replaced` is when another release took its place there; `why` says why it was not found.
    """

    environment: str
    soak: float = 0.0
    release: str | None = None
    since: datetime | None = None
    replaced: datetime | None = None
    why: str = ""
    remedy: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """All that was found out. None means that it was not asked; `urgent` is the reason that a person gave."""

    environment: str
    revision: str
    now: datetime
    source: str = "."
    branches: tuple[str, ...] = ("main",)
    branch: str | None = None
    running: tuple[Running, ...] | None = None
    urgent: str | None = None
    checks: tuple[Check, ...] = ()
    required: Soaked | None = None
    calendar: Calendar = field(default_factory=Calendar)

    @property
    def unchanged(self) -> bool:
        """Every host runs exactly this already."""
        return bool(self.running) and not any(host.differs for host in self.running or ())

    @property
    def folder(self) -> str:
        """The app's folder as people call it."""
        return "the repository" if self.source == "." else f"{self.source}/"


@dataclass(frozen=True)
class Answer:
    """One question, its answer and its evidence. `reason` and `remedy` belong to an effect other than `go`.

    `until` is when to ask again, None when nobody knows; `passed`: it would have stopped, but it is urgent.
    """

    name: str
    question: str
    answer: str
    effect: Effect = "go"
    reason: str = ""
    evidence: tuple[str, ...] = ()
    remedy: tuple[str, ...] = ()
    until: datetime | None = None
    passed: bool = False
    words: str = ""
    """The answer in a few words for the one line of a deployment; "" where no rule is set."""
    rule: str = ""
    """The key of the environment's table that the answer comes from."""


@dataclass(frozen=True)
class Verdict:
    """What the answers amount to; `until` only with `wait`, and None when nobody knows."""

    word: Word
    answers: tuple[Answer, ...]
    until: datetime | None = None
    when: str = ""
    """`until` as people of the environment's time zone read it."""

    @property
    def stops(self) -> list[Answer]:
        """The answers that this verdict comes from; none for `deploy`."""
        return [answer for answer in self.answers if answer.effect == self.word]

    @property
    def reasons(self) -> list[str]:
        """Why, most telling first."""
        return [answer.reason for answer in self.stops]

    @property
    def remedy(self) -> list[str]:
        """What a person can do, one action a line; with a known end of all waits that end alone."""
        if self.when:
            return [f"from {self.when} on, the same command again", URGENTLY]
        lines = [line for answer in self.stops for line in answer.remedy]
        return list(dict.fromkeys([*lines, URGENTLY] if self.word == "wait" else lines))

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        reason = self.reasons[0] if self.reasons else self.word
        return f"wait until {self.when}: {reason}" if self.when else reason

    @property
    def evidence(self) -> list[str]:
        """What the answers that stop rest on, without what the reasons say already."""
        found = [line for answer in self.stops for line in answer.evidence]
        return [line for line in found if not any(line in reason for reason in self.reasons)]

    @property
    def words(self) -> list[str]:
        """What a deployment says of the rules that are set: `checks passed`, `soaked on staging`."""
        return [answer.words for answer in self.answers if answer.words]
