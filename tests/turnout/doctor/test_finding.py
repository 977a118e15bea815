from __future__ import annotations

import pytest

from turnout.doctor.finding import Finding, Place, exit_code, gigabytes, many
from turnout.errors import HostKeyError, TurnoutError, Unreachable, UsageError

AT = Place("deploy@203.0.113.5", 23)


def problem(code: int) -> Finding:
    return Place("somewhere", code).problem("check", "it is wrong")


@pytest.mark.parametrize(
    "codes,worst",
    [((), 0), ((23,), 23), ((23, 20), 20), ((22, 21), 21), ((23, 2, 20), 2), ((1,), 1), ((1, 23), 23)],
)
def test_the_problem_that_stops_a_deployment_first_gives_the_exit_code(
    codes: tuple[int, ...], worst: int
) -> None:
    """The sooner a problem would stop a deployment, the more it counts."""
    assert exit_code([problem(code) for code in codes]) == worst


def test_warnings_are_no_failure() -> None:
    """Exit code 0 however many warnings there are."""
    assert exit_code([AT.ok("a", "fine"), AT.warn("b", "could be better")]) == 0


@pytest.mark.parametrize(
    "error,code",
    [
        (Unreachable("cannot be reached"), 20),
        (HostKeyError("not known"), 21),
        (UsageError("no key"), 2),
        (TurnoutError("unexpected"), 23),
    ],
)
def test_an_error_keeps_the_code_that_says_how_far_one_came(error: TurnoutError, code: int) -> None:
    """Other codes mean nothing for a look: the place's own is taken."""
    assert exit_code([AT.failed("login", error)]) == code


def test_an_error_becomes_a_finding_with_all_that_it_says() -> None:
    """Where, why and remedy are kept; a place that the message names is not repeated."""
    error = UsageError("unknown key", where="turnout.toml:3:1", why="did you mean `node`?", remedy="mend it")
    found = AT.failed("turnout.toml", error)
    assert found.as_json() == {
        "where": "deploy@203.0.113.5",
        "check": "turnout.toml",
        "level": "problem",
        "message": "unknown key",
        "why": ["turnout.toml:3:1", "did you mean `node`?"],
        "remedy": ["mend it"],
    }
    assert AT.failed("x", UsageError("a.toml is bad", where="a.toml")).why == ()


def test_figures_are_for_people() -> None:
    """Short, and with the right number."""
    assert [gigabytes(40_312_000_000), many(1, "key"), many(0, "key")] == ["40.3 GB", "1 key", "0 keys"]
