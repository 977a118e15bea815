from __future__ import annotations

import pytest

from turnout_host import figures
from turnout_host.figures import Figures
from turnout_host.processes.inside import Inside

OLD = Figures(requests=1000, failed=10, rss=60_000_000, stall=0.05)


def inside(requests=0, failed=0, rss=60_000_000, stalls=(0.02, 0.02)) -> Inside:
    return Inside("/app/server.js", [3000], False, requests, failed, rss, list(stalls), 1.0)


@pytest.mark.parametrize(
    "now, words",
    [
        (inside(requests=200, failed=2), ""),
        (inside(requests=200, failed=11), ""),  # five, and three times 1 % of 200
        (inside(requests=200, failed=12), "12 of 200 answers were 5xx; of the release before, 10 of 1000"),
        (inside(requests=10_000, failed=300), ""),  # as bad as the old one, which was bad
        (inside(rss=170_000_000), ""),
        (inside(rss=190_000_000), "a process grew to 190 MB; the release before needed 60 MB"),
        (inside(stalls=(3.0, 0.02)), ""),  # once
        (inside(stalls=(3.0, 2.0)), "its event loop stood still for 2.0 s, twice"),
    ],
)
def test_worse_is_measured_by_the_old_release(now, words):
    """5xx, memory and stalls are compared with what the old release needed on the same host."""
    found = figures.worse(OLD, {1: inside()}, {1: now})
    assert found.startswith(words) if words else not found


def test_nothing_is_judged_without_figures_of_the_old_release():
    """A first release, and one whose predecessor had no module, has nothing to be measured by."""
    assert not figures.worse(None, {1: inside()}, {1: inside(requests=100, failed=100)})
    assert figures.of([]) is None


def test_a_large_release_that_does_not_grow_is_not_a_leak():
    """What it needs from the start is what it is."""
    assert not figures.worse(OLD, {1: inside(rss=500_000_000)}, {1: inside(rss=510_000_000)})


def test_figures_survive_the_journal():
    """They are noted at the switch, and a restarted pointsman reads them again."""
    assert figures.read(OLD._asdict()) == OLD
    assert figures.read(None) is None


def test_all_workers_count_together():
    """Requests are added up; memory and stalls are those of the worst."""
    both = [inside(10, 1, 50_000_000, (0.1,)), inside(20, 0, 70_000_000, ())]
    assert figures.of(both) == Figures(30, 1, 70_000_000, 0.1)
