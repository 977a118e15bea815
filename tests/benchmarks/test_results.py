"""What is kept of a run, and what is reckoned from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.results import Key, Results, median
from tests.benchmarks.targets import said, targets

OURS, SPEC = (Key("sample", "loopback", who, "code") for who in ("turnout", "spec"))
RUN = {
    "wall": 0.0,
    "first_new": None,
    "steps": {},
    "up": 0,
    "down": 0,
    "cpu_own": 0.0,
    "cpu_there": 0.0,
    "failed": 0,
}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    made = Results(tmp_path / "kept/bench.json")
    made.put(
        OURS,
        [RUN | {"wall": wall, "first_new": wall - 1, "steps": {"build": 2.0}} for wall in (4.0, 9.0, 5.0)],
    )
    made.put(SPEC, [RUN | {"wall": 60.0}])
    return made


def test_a_ratio_is_of_medians(results: Results) -> None:
    """How many times more the rival takes; one slow run of three does not count."""
    assert results.ratio(OURS, SPEC) == 12.0


def test_what_was_not_measured_has_no_ratio(results: Results) -> None:
    """Nor has what could not be seen."""
    assert results.ratio(OURS, SPEC._replace(contender="rsync")) is None
    assert results.ratio(OURS, SPEC, "first_new") is None


def test_a_run_is_taken_up_where_it_was_left(results: Results, tmp_path: Path) -> None:
    """All that was put is in the file at once."""
    results.growth["files"] = {"1": {}}
    results.put(SPEC, [RUN | {"wall": 50.0}])

    again = Results(tmp_path / "kept/bench.json")
    assert again.measured() == [OURS, SPEC]
    assert again.figure(SPEC, "wall") == 50.0
    assert again.steps(OURS) == {"build": 2.0}
    assert again.growth == {"files": {"1": {}}}


def test_a_median_leaves_out_what_is_not_known() -> None:
    """And is none of none."""
    assert median([None, 3.0, 1.0]) == 2.0
    assert median([None]) is None


def test_targets_are_met_missed_or_not_measured(results: Results) -> None:
    """The least of a ratio, the most of a time."""
    found = {one.what: one for one in targets(results, "sample")}

    assert found["code change, loopback: faster than spec"].met is True
    beside = found["first answer of the new release, beside the build"]
    assert (beside.measured, beside.met) == (2.0, True)
    assert found["nothing changed"].met is None
    results.put(SPEC, [RUN | {"wall": 59.0}])
    assert {one.what: one for one in targets(results, "sample")}[
        "code change, loopback: faster than spec"
    ].met is False


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (None, "s", "-"),
        (1.234, "s", "1.23 s"),
        (18_400, "B", "18 kB"),
        (1.004, "x", "1.00 x"),
        (12.04, "x", "12.0 x"),
        (3888.9, "x", "3,889 x"),
        (1210, "", "1,210"),
    ],
)
def test_figures_are_said_with_their_unit(value: float | None, unit: str, text: str) -> None:
    """As a person reads them."""
    assert said(value, unit) == text
