"""Where the time of a deployment went: the chain of steps that held it up. Others ran beside them, and cost nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """One step on one host (None: the deployer). Times in seconds of one clock."""

    step: str
    host: str | None
    began: float
    ended: float


def path(spans: Iterable[Span]) -> list[Span]:
    """From the first step to the last: before each the one that ended last before it began."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.ended, span.began), reverse=True):
        if not found or span.ended <= found[-1].began:
            found.append(span)
    return found[::-1]


def shares(chain: Sequence[Span], began: float) -> dict[str, float]:
    """Seconds by step, the longest first; waiting between two steps counts for the later one. They add up."""
    found: dict[str, float] = {}
    for span in chain:
        found[span.step] = found.get(span.step, 0.0) + span.ended - began
        began = span.ended
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def in_sequence(calls: Iterable[tuple[float, float]]) -> int:
    """The most calls, given as beginning and end, of which each had to wait for the one before it."""
    count, until = 0, float("-inf")
    for began, ended in sorted(calls, key=lambda call: call[1]):
        if began >= until:
            count, until = count + 1, ended
    return count
