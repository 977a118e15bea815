"""Which version of Node: ranges as npm reads them, and the choice between what is there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from turnout.errors import UsageError

Version = tuple[int, int, int]
Span = tuple[Version, Version]
"""From the first version, up to but not the second."""

END: Version = (10**9, 0, 0)
EXACT = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
TERM = re.compile(r"(>=|<=|>|<|=|\^|~)?v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?")
HYPHEN = re.compile(r"\s*(\S+)\s+-\s+(\S+)\s*")


class Choice(NamedTuple):
    """A version of Node, and why this one, for people."""

    version: str
    why: str


def resolve(
    spec: str, host: str | None, own: str | None, kept: str | None, newest: Iterable[str] | None
) -> Choice | None:
    """The version that satisfies `spec`, by the order of DESIGN 7.

    What the host runs, else the deployer's own, else `kept` (an earlier answer of the registry), else the best of
    `newest` (all that the registry has). None when only the registry could tell and `newest` is None. Raises
    UsageError when nothing satisfies it.
    """
    spans = parse(spec)
    if EXACT.fullmatch(spec.strip()):
        return Choice(spec.strip().removeprefix("v"), "turnout.toml or package.json names it exactly")
    whys = (
        (host, f"the host runs it, and it satisfies {spec!r}"),
        (own, f"this machine has it, and it satisfies {spec!r}"),
        (kept, f"it was the newest for {spec!r} when the registry was asked"),
    )
    for version, why in whys:
        if version and satisfies(version, spans):
            return Choice(version.removeprefix("v"), why)
    if newest is None:
        return None
    fitting = [found for text in newest if (found := number(text)) and satisfies(text, spans)]
    if not fitting:
        raise UsageError(
            f"there is no Node that satisfies {spec!r}",
            remedy='name another one in turnout.toml, like node = "22"',
        )
    # odd majors are short-lived and never become LTS
    best = max(fitting, key=lambda version: (version[0] % 2 == 0, version))
    return Choice(".".join(map(str, best)), f"the newest in the registry that satisfies {spec!r}")


def wanted(configured: str | None, package: Mapping[str, Any]) -> str:
    """The range to satisfy: turnout.toml's `node`, else package.json's `engines.node`, else any."""
    engines = package.get("engines")
    engine = engines.get("node") if isinstance(engines, dict) else None
    return configured or (engine if isinstance(engine, str) and engine.strip() else "*")


def number(text: str) -> Version | None:
    """`20.1.3` or `v20.1.3` as numbers; None for anything else, pre-releases too."""
    match = EXACT.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def satisfies(version: str, spans: Iterable[Span]) -> bool:
    """Whether a version lies in one of the spans."""
    found = number(version)
    return found is not None and any(low <= found < high for low, high in spans)


def parse(spec: str) -> list[Span]:
    """A range as npm's semver reads it, without pre-releases, as spans. Raises UsageError for anything else."""
    try:
        return [_together(part) for part in spec.split("||")]
    except ValueError:
        raise UsageError(
            f"{spec!r} is not a version or range of Node",
            why='such as "20", "20.x", ">=20 <23", "^20.1", "~20.1", "20.1.3"',
            remedy="correct `node` in turnout.toml, or `engines` in package.json",
        ) from None


def _together(text: str) -> Span:
    """Terms with spaces between them: all must hold."""
    if match := HYPHEN.fullmatch(text):
        return _term(f">={match[1]}")[0], _term(f"<={match[2]}")[1]
    terms = re.sub(r"(>=|<=|>|<|=|\^|~)\s+", r"\1", text).split()
    spans = [_term(term) for term in terms] or [((0, 0, 0), END)]
    return max(low for low, _ in spans), min(high for _, high in spans)


def _term(text: str) -> Span:
    match = TERM.fullmatch(text)
    if not match:
        raise ValueError(text)
    operator, fields = match[1] or "", _given(match.groups()[1:])
    low = _pad(fields)
    after = _next(fields, len(fields))
    if operator == ">=":
        return low, END
    if operator == ">":
        return after, END
    if operator == "<":
        return (0, 0, 0), low
    if operator == "<=":
        return (0, 0, 0), after
    if operator == "~":
        return low, _next(fields, min(len(fields), 2))
    if operator == "^":
        # the first number that is not 0 must stay; where all are, the last one given
        held = next((place for place, value in enumerate(fields, 1) if value), len(fields))
        return low, _next(fields, held)
    return low, after


def _given(fields: Iterable[str | None]) -> list[int]:
    """The numbers before the first that is missing or a wildcard."""
    numbers: list[int] = []
    for field in fields:
        if field is None or not field.isdigit():
            break
        numbers.append(int(field))
    return numbers


def _pad(fields: list[int]) -> Version:
    major, minor, patch = [*fields, 0, 0, 0][:3]
    return major, minor, patch


def _next(fields: list[int], held: int) -> Version:
    """The first version in which one of the first `held` numbers is greater."""
    if not held:
        return END
    return _pad([*fields[: held - 1], fields[held - 1] + 1])
