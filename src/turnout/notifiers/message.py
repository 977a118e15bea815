"""What people are told: short plain texts, made of values. Pure.

Commit subjects, names and errors are foreign text. Channels show plain text as markdown all the same, or obey mentions
in it, so nothing foreign may form one: `defused` keeps the characters and takes their meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from turnout import text

Kind = Literal["success", "failure", "reverted", "waiting", "recovered"]
"""The events of `[[notify]]`."""
SUBJECTS = 5
"""Commits that are listed; the others are counted."""
LONGEST = 160
"""Characters of one foreign text."""
_MEANS = re.compile(
    r"(?<!\w)@|@(?=everyone|here|channel|all\b)|<|\](?=[(\[])|`|(?<![\w*_~|])[*_~|]+(?=\w)", re.IGNORECASE
)
"""Mentions, Slack's `<!channel>`, markdown's links, code and emphasis. `deploy@host` stays, to be copied."""
_NOTHING = "\N{ZERO WIDTH SPACE}"


@dataclass(frozen=True)
class Facts:
    """What a message is made of: `changes` are commit subjects, newest first, or keys; `seconds` what it took."""

    app: str
    environment: str
    command: str
    by: str
    hosts: tuple[str, ...] = ()
    revision: str = ""
    release: str | None = None
    previous: str | None = None
    seconds: float = 0.0
    changes: tuple[str, ...] = ()
    url: str | None = None


@dataclass(frozen=True)
class Failed:
    """Of a failure: what failed and where, what serves now, what to type next."""

    message: str
    where: str = ""
    state: str = ""
    remedy: tuple[str, ...] = ()


@dataclass(frozen=True)
class Message:
    """A title and a body of plain text; `events` are those that it belongs to, the first being its own."""

    events: tuple[Kind, ...]
    title: str
    body: str


def defused(foreign: str) -> str:
    """One line of foreign text that no channel obeys: no control characters, mentions, links or emphasis."""
    line = text.harmless(" ".join(foreign.split()))
    line = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    return _MEANS.sub(lambda found: found[0] + _NOTHING, line)


def success(facts: Facts) -> Message:
    """It is live: for how long it took, and what changed."""
    went = "is back" if facts.command == "rollback" else "is live"
    was = f", was {facts.previous}" if facts.previous and facts.previous != facts.release else ""
    first = f"{facts.release or 'It'} {went} on {_hosts(facts)} after {text.took(facts.seconds)}{was}."
    link = [facts.url] if facts.url else []
    label = "Taken back:" if facts.command == "rollback" else "Changed:"
    return _message(
        ("success",), facts, f"{facts.release or ''} {went}", [first, *_changes(facts, label), *link]
    )


def restored(facts: Facts) -> Message:
    """The database was overwritten by a backup; the release is the one that ran before."""
    first = f"The database on {_hosts(facts)} was restored, after {text.took(facts.seconds)}."
    return _message(("success",), facts, "the database was restored", [first, *_changes(facts, "Changed:")])


def failure(facts: Facts, failed: Failed) -> Message:
    """It failed before anything was switched, or nobody can tell: what serves, and what to type."""
    return _bad(("failure",), "failed", facts, failed)


def reverted(facts: Facts, failed: Failed) -> Message:
    """The new release was sick, and the host went back."""
    return _bad(("reverted",), "reverted", facts, failed)


def revert_failed(facts: Facts, failed: Failed) -> Message:
    """Neither the new release nor the one before it could be proved: told to everyone who asked for either."""
    return _bad(("failure", "reverted"), "failed, and so did the revert: a person must look", facts, failed)


def waiting(facts: Facts, reason: str) -> Message:
    """It has to wait, for somebody else's work or for the gate."""
    return _message(
        ("waiting",), facts, f"{facts.command} waits", [defused(reason), *_changes(facts, "It is about:")]
    )


def recovered(facts: Facts, what: str) -> Message:
    """A run that had died was ended."""
    return _message(("recovered",), facts, "an earlier deployment was ended", [defused(what)])


def _bad(events: tuple[Kind, ...], how: str, facts: Facts, failed: Failed) -> Message:
    where = f" ({defused(failed.where)})" if failed.where else ""
    lines = [f"{defused(failed.message)}{where}, after {text.took(facts.seconds)}."]
    lines += [f"Now: {defused(failed.state)}"] if failed.state else []
    lines += [f"Next: {defused(line)}" for line in failed.remedy[:2]]
    return _message(events, facts, f"{facts.command} {how}", [*lines, *_changes(facts, "It was about:")])


def _changes(facts: Facts, label: str) -> list[str]:
    if not facts.changes:
        return []
    shown, more = facts.changes[:SUBJECTS], len(facts.changes) - SUBJECTS
    return [label, *(f"- {defused(one)}" for one in shown), *([f"- and {more} more"] if more > 0 else [])]


def _hosts(facts: Facts) -> str:
    return defused(", ".join(facts.hosts)) or facts.environment


def _message(events: tuple[Kind, ...], facts: Facts, what: str, lines: list[str]) -> Message:
    revision = f", {facts.revision}" if facts.revision else ""
    by = [f"{facts.command} by {defused(facts.by)}{revision}"]
    return Message(events, f"{facts.app} · {facts.environment}: {what.strip()}", "\n".join([*lines, *by]))
