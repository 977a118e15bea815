"""One thing that was found, with its remedy; and what all of them together mean for a deployment. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from turnout.errors import HostKeyError, LoginError, SurveyRefused, TurnoutError, Unreachable, UsageError

Level = Literal["ok", "warning", "problem"]

MACHINE = "this machine"
APP = "the app"

ORDER = [kind.exit_code for kind in (UsageError, Unreachable, HostKeyError, LoginError, SurveyRefused)]
"""Exit codes, worst first: the sooner it would stop a deployment, the worse it is."""


@dataclass(frozen=True)
class Finding:
    """`where` is MACHINE, APP or a host; `check` a short name; `why` and `remedy` are lines."""

    where: str
    check: str
    level: Level
    message: str
    why: tuple[str, ...] = ()
    remedy: tuple[str, ...] = ()
    exit_code: int = field(default=0, compare=False)
    """What a deployment would end with; 0 where nothing stops it."""

    def as_json(self) -> dict[str, Any]:
        """The object of `doctor --json`."""
        return {
            "where": self.where,
            "check": self.check,
            "level": self.level,
            "message": self.message,
            "why": list(self.why),
            "remedy": list(self.remedy),
        }


@dataclass(frozen=True)
class Place:
    """Where one looks, and the exit code of a problem there."""

    where: str
    exit_code: int = UsageError.exit_code

    def ok(self, check: str, message: str) -> Finding:
        """All is well."""
        return Finding(self.where, check, "ok", message)

    def warn(self, check: str, message: str, remedy: Sequence[str] = (), why: Sequence[str] = ()) -> Finding:
        """A deployment would work, but something is worse than it could be."""
        return Finding(self.where, check, "warning", message, tuple(why), tuple(remedy))

    def problem(
        self, check: str, message: str, remedy: Sequence[str] = (), why: Sequence[str] = ()
    ) -> Finding:
        """A deployment would be refused, or would fail."""
        return Finding(self.where, check, "problem", message, tuple(why), tuple(remedy), self.exit_code)

    def failed(self, check: str, error: TurnoutError) -> Finding:
        """What an error says; those that say how far a connection came keep their own exit code."""
        place = [error.where] if error.where and error.where not in error.message else []
        code = error.exit_code if error.exit_code in ORDER else self.exit_code
        why = (*place, *error.why)
        return Finding(self.where, check, "problem", error.message, why, tuple(error.remedy), code)


def exit_code(findings: Iterable[Finding]) -> int:
    """That of the worst problem; 0 without one."""
    codes = {found.exit_code for found in findings if found.level == "problem"}
    return next((code for code in ORDER if code in codes), max(codes, default=0))


def gigabytes(count: float) -> str:
    """Bytes for people: `12.3 GB`."""
    return f"{count / 1e9:,.1f} GB"


def many(count: int, noun: str) -> str:
    """`1 key`, `2 keys`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
