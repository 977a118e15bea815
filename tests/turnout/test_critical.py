"""Where the time of a deployment went, and how many round trips had to wait for one another."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.critical import Span, in_sequence, path, shares

DEPLOYMENT = [
    Span("gate", None, 0.0, 0.5),
    Span("survey", "a", 0.5, 0.7),
    Span("build", None, 0.5, 3.5),
    Span("package", None, 3.5, 3.6),
    Span("upload", "a", 3.6, 3.8),
    Span("upload", "b", 3.6, 4.6),
    Span("activate", "a", 4.6, 6.0),
]


def test_what_ran_beside_the_build_held_nothing_up() -> None:
    """The survey, and the faster one of two uploads, are not on the path."""
    assert [(span.step, span.host) for span in path(DEPLOYMENT)] == [
        ("gate", None),
        ("build", None),
        ("package", None),
        ("upload", "b"),
        ("activate", "a"),
    ]


def test_the_shares_add_up_with_waiting_told_as_part_of_what_came_after() -> None:
    """The longest first; a step that ran on two hosts of the path counts as one."""
    chain = [Span("gate", None, 0.2, 0.5), Span("verify", "a", 0.5, 1.0), Span("verify", "b", 1.5, 3.0)]

    assert shares(chain, 0.0) == {"verify": 2.5, "gate": 0.5}
    assert list(shares(chain, 0.0)) == ["verify", "gate"]
    assert shares([], 5.0) == {}


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=30))
def test_a_path_never_goes_back_in_time_and_ends_with_the_last(pairs: list[tuple[float, float]]) -> None:
    """Whatever ran when: the shares are the time from the beginning to the last end."""
    spans = [Span(str(at), None, began, began + took) for at, (began, took) in enumerate(pairs)]
    found = path(spans)

    assert all(one.ended <= other.began for one, other in itertools.pairwise(found))
    if spans:
        assert found[-1].ended == max(span.ended for span in spans)
        assert sum(shares(found, 0.0).values()) == pytest.approx(found[-1].ended)


@pytest.mark.parametrize(
    "calls, count",
    [
        ([], 0),
        ([(0, 1), (1, 2), (2, 3)], 3),
        ([(0, 3), (0, 3), (0, 3)], 1),
        ([(0, 10), (1, 2), (3, 4)], 2),
    ],
)
def test_calls_that_were_asked_together_are_one_round_trip(
    calls: list[tuple[float, float]], count: int
) -> None:
    """Only what had to wait for the one before it counts."""
    assert in_sequence(calls) == count
