"""The figures of a report, as tables of deployments and what comes of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.report import figures
from turnout.report.figures import DAY, Spread

HOUR = 3600.0


def row(number: int, result: str | None = "succeeded", **more: Any) -> dict[str, Any]:
    """A deployment that began at hour `number` and took 100 s."""
    return {
        "deployment": f"d{number}",
        "started": number * HOUR,
        "finished": number * HOUR + 100,
        "seconds": 100.0,
        "command": "deploy",
        "revision": f"{number:040x}",
        "release": f"v{number}",
        "previous": f"v{number - 1}",
        "result": result,
        "steps": {"build": 10.0, "verify": 5.0},
        "bytes_sent": 1000,
        **more,
    }


def back(number: int, release: str, previous: str, **more: Any) -> dict[str, Any]:
    """A rollback."""
    return row(number, command="rollback", release=release, previous=previous, steps={"verify": 1.0}, **more)


def test_a_spread_is_the_last_the_middle_and_the_ends() -> None:
    """Values come oldest first."""
    assert Spread.of([3, 1, 2, 10]) == Spread(10, 2.5, 1, 10, 4)
    assert Spread.of([]) is None


@pytest.mark.parametrize(
    "entry, arrives, counts",
    [
        (row(1), True, True),
        (row(1, command="promote"), True, True),
        (row(1, "failed"), False, True),
        (row(1, "reverted"), False, True),
        (row(1, "unchanged"), False, False),
        (row(1, "refused"), False, False),
        (row(1, None), False, False),
        (back(2, "v1", "v2"), False, True),
        (row(1, command=None), False, False),
        (row(1, command="backup"), False, False),
    ],
)
def test_who_counts(entry: dict[str, Any], arrives: bool, counts: bool) -> None:
    """Times compare only between revisions that arrived; rates count failures, too."""
    assert (bool(figures.arrivals([entry])), bool(figures.counted([entry]))) == (arrives, counts)


def test_the_window_begins_with_the_last_ones_that_count() -> None:
    """Three runs that found nothing to do push nothing out."""
    rows = [row(1), row(2), row(3), row(4, "unchanged"), row(5, "unchanged"), row(6, "unchanged")]
    assert [one["deployment"] for one in figures.window(rows, 2)] == ["d2", "d3", "d4", "d5", "d6"]
    assert len(figures.window(rows[3:], 2)) == 2
    assert figures.window([], 5) == []


def test_steps_and_phases() -> None:
    """Phases add their steps up; what was not measured is left out, not counted as nothing."""
    rows = [
        row(1, steps={"checkout": 1.0, "build": 9.0, "gate": 50.0, "stage": 1.0, "activate": 2.0}),
        row(2, steps={"checkout": 2.0, "build": 18.0, "rehearse": 3.0, "verify": 4.0}),
        row(3, "failed", steps={"build": 999.0}),
        row(4, steps=None),
    ]

    found = figures.phases(rows)

    assert found["build"] == Spread(20, 15, 10, 20, 2)
    assert found["deploy"] == Spread(3, 3, 3, 3, 1)
    assert found["health"] == Spread(7, 7, 7, 7, 1)
    assert "upload" not in found
    assert figures.steps(rows)["build"] == Spread(18, 13.5, 9, 18, 2)
    assert list(figures.steps(rows))[:3] == ["checkout", "build", "gate"]


def test_every_step_of_a_deployment_is_in_one_phase_or_known_to_be_in_none() -> None:
    """A new step has to choose."""
    from turnout.deploy import DEPLOY

    placed = [name for budget in figures.BUDGETS for name in budget.steps]
    assert len(placed) == len(set(placed))
    assert set(DEPLOY.names) - set(placed) == {"gate", "survey", "notify"}


@pytest.mark.parametrize(
    "count, days, expected",
    [(7, 7, 7.0), (2, 14, 1.0), (3, 0.1, 21.0), (0, 7, 0.0)],
)
def test_frequency(count: int, days: float, expected: float) -> None:
    """A week's worth of what arrived since the first; less than a day counts as one."""
    rows = [row(0, "failed"), *(row(0) for _ in range(count))]
    assert figures.per_week(rows, days * DAY) == pytest.approx(expected)
    assert figures.per_week([], 5.0) is None


def test_lead_time_is_from_the_commit_to_blessed() -> None:
    """What came after the blessing does not count, nor does a commit's second arrival, nor one that git lacks."""
    first = row(1, steps={"build": 1.0, "save": 3.0, "prune": 2.0})
    rows = [first, row(2), row(3, revision=first["revision"]), row(4, "reverted")]
    committed = {first["revision"]: HOUR - 1000, row(4)["revision"]: 0.0}

    assert figures.lead_times(rows, committed) == Spread(1095, 1095, 1095, 1095, 1)
    assert figures.lead_times(rows, {}) is None


GOOD, BAD, BACK = row(1), row(2), back(3, "v1", "v2")


@pytest.mark.parametrize(
    "rows, failed, taken_back",
    [
        ([], None, None),
        ([GOOD], 0.0, 0.0),
        ([row(1, "failed")], 1.0, None),
        ([GOOD, row(2, "failed")], 0.5, 0.0),
        ([GOOD, row(2, "reverted")], 0.5, 0.5),
        ([GOOD, BAD, BACK], 0.0, 0.5),
        ([GOOD, BAD, BACK, back(4, "v2", "v1")], 0.0, 0.5),
        ([GOOD, BAD, row(3, "failed", command="rollback", release="v1", previous="v2")], 0.0, 0.0),
        ([GOOD, row(2, "refused"), row(3, "unchanged")], 0.0, 0.0),
    ],
)
def test_failure_rates(rows: list[dict[str, Any]], failed: float | None, taken_back: float | None) -> None:
    """What failed at all, and what of that users could see: reverts, and releases that were rolled back."""
    assert figures.failure_rate(rows) == failed
    assert figures.change_failure_rate(rows) == taken_back


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([], []),
        ([GOOD], []),
        ([GOOD, row(2, "failed")], []),
        ([row(1, "failed"), row(2)], [HOUR]),
        ([row(1, "failed"), row(2, "reverted"), row(4)], [3 * HOUR]),
        ([GOOD, BAD, BACK], [HOUR]),
        ([row(1, "reverted"), row(2, "unchanged"), row(3), row(4, "failed"), row(5)], [2 * HOUR, HOUR]),
        ([row(1, "failed", finished=None), row(2)], []),
    ],
)
def test_time_to_recover(rows: list[dict[str, Any]], expected: list[float]) -> None:
    """Failures in a row are one; a release that was rolled back was trouble from its blessing on."""
    assert figures.recoveries(rows) == expected


def test_rows_may_lack_figures() -> None:
    """A deployer that died told nothing."""
    found = [row(1, steps=None, bytes_sent=None, seconds=None), row(2)]
    assert figures.totals(found) == Spread(100, 100, 100, 100, 1)
    assert figures.sizes(found) == Spread(1000, 1000, 1000, 1000, 1)


deployments = st.lists(
    st.builds(
        lambda result, command, took, release: (result, command, took, release),
        st.sampled_from(["succeeded", "failed", "reverted", "unchanged", "refused", None]),
        st.sampled_from(["deploy", "rollback", "promote", None]),
        st.one_of(st.none(), st.floats(0, 1e4)),
        st.one_of(st.none(), st.integers(1, 9)),
    ),
    max_size=12,
)


@given(deployments)
def test_no_history_breaks_a_figure(found: list[tuple[Any, ...]]) -> None:
    """Rates are shares, times are never negative, whatever is missing."""
    rows = [
        row(
            number + 1,
            result,
            command=command,
            steps=None if took is None else {"build": took},
            release=release and f"v{release}",
            previous=None,
        )
        for number, (result, command, took, release) in enumerate(found)
    ]

    for rate in (figures.failure_rate(rows), figures.change_failure_rate(rows)):
        assert rate is None or 0 <= rate <= 1
    assert all(time >= 0 for time in figures.recoveries(rows))
    assert all(spread.low <= spread.median <= spread.high for spread in figures.phases(rows).values())
    assert set(figures.results(rows)) <= {"succeeded", "failed", "reverted", "unchanged", "refused"}
