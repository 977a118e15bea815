"""Does the new release fare worse than the old one did on this host? Pure; the figures are the workers' own.

There are no fixed limits: what is much for one app is little for another. Without figures of an old release (a first
deployment, fork mode, `drain = false`) nothing is judged.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from turnout_host.processes.inside import Inside

ODD = 5
"""Answers 5xx beyond the old release's share that chance may bring."""
TIMES = 3
"""How many times as bad as the old release is worse, and not only other."""
HICCUP = 0.25
"""Seconds that a busy machine may hold any process up."""


class Figures(NamedTuple):
    """Of all workers together: answers, 5xx among them; of the worst one: bytes of memory, its longest stall in s."""

    requests: int
    failed: int
    rss: int
    stall: float


def of(workers: Sequence[Inside]) -> Optional[Figures]:
    """The figures of these workers; None when none could be asked."""
    if not workers:
        return None
    return Figures(
        sum(one.requests for one in workers),
        sum(one.failed for one in workers),
        max(one.rss for one in workers),
        max([0.0, *(max(one.stalls, default=0.0) for one in workers)]),
    )


def read(noted: Optional[Dict[str, Any]]) -> Optional[Figures]:
    """Figures as the journal keeps them."""
    return Figures(**noted) if noted else None


def worse(old: Optional[Figures], begun: Dict[int, Inside], now: Dict[int, Inside]) -> str:
    """Why the release is worse than the old one, "" when it is not. `begun` is from the moment of its proof, by pid."""
    both = [(begun[pid], now[pid]) for pid in sorted(set(begun) & set(now))]
    if old is None or not both:
        return ""
    return _failures(old, both) or _leak(old, both) or _stall(old, both)


def _failures(old: Figures, both: Sequence[Any]) -> str:
    asked = sum(after.requests - before.requests for before, after in both)
    failed = sum(after.failed - before.failed for before, after in both)
    share = old.failed / old.requests if old.requests else 0.0
    if failed <= ODD + TIMES * share * asked:
        return ""
    return f"{failed} of {asked} answers were 5xx; of the release before, {old.failed} of {old.requests}"


def _leak(old: Figures, both: Sequence[Any]) -> str:
    grown: List[Inside] = [
        after
        for before, after in both
        if after.rss > TIMES * old.rss
        and after.rss - before.rss > old.rss  # large, and growing while it bakes
    ]
    if not grown:
        return ""
    most = max(one.rss for one in grown)
    return f"a process grew to {most / 1e6:,.0f} MB; the release before needed {old.rss / 1e6:,.0f} MB"


def _stall(old: Figures, both: Sequence[Any]) -> str:
    """Its second longest: everybody may stand still once."""
    seconds = max((sorted(after.stalls)[-2] for _, after in both if len(after.stalls) > 1), default=0.0)
    if seconds <= TIMES * old.stall + HICCUP:
        return ""
    return f"its event loop stood still for {seconds:.1f} s, twice; the release before for {old.stall:.2f} s at most"
