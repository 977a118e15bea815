"""Deployments as the journal tells them: who, what, why, and how each ended."""

from __future__ import annotations

from typing import Any

import pytest

from turnout_host import history

Entry = tuple[str, dict[str, Any]]
STARTED: Entry = ("deployment.started", {"by": "ann@laptop", "command": "deploy", "revision": "abc"})
ASKED: Entry = ("activation.asked", {"release": "v2", "previous": "v1"})


def row(*entries: Entry, at_work: str | None = None) -> dict[str, Any]:
    """The one row that a journal with these entries of deployment `d` gives; times count up from 1."""
    found: dict[str, Any] = {}
    for ts, (kind, fields) in enumerate(entries, start=1):
        history.note(found, {"seq": ts, "ts": float(ts), "type": kind, "deployment": "d", **fields})
    (one,) = history.rows(found, at_work)
    return one


def test_a_deployment_that_ended_says_what_its_deployer_told() -> None:
    """Result, step times and bytes come from the end; release and the one before from the switch."""
    told = {"result": "succeeded", "exit_code": 0, "step": None, "reason": None}
    figures = {"seconds": 9.5, "steps": {"build": 3.0}, "bytes_sent": 4096}
    one = row(STARTED, ("release.staged", {"release": "v2"}), ASKED, ("deployment.finished", told | figures))
    assert (one["release"], one["previous"], one["started"], one["finished"]) == ("v2", "v1", 1.0, 4.0)
    assert {key: one[key] for key in told | figures} == told | figures
    assert set(one) == set(history.KEYS)


def test_what_the_person_gave_as_reason_is_not_how_it_ended() -> None:
    """`why` is the person's, `reason` the end's; `urgent` stays."""
    started = (STARTED[0], STARTED[1] | {"urgent": True, "reason": "payments are down"})
    one = row(
        started,
        ("deployment.finished", {"result": "failed", "exit_code": 40, "reason": "a migration failed"}),
    )
    assert (one["urgent"], one["why"], one["reason"]) == (True, "payments are down", "a migration failed")


def test_an_older_deployer_sent_no_figures() -> None:
    """Without `seconds` the time between the journal's two entries counts; step times are not known."""
    one = row(STARTED, ("deployment.finished", {"result": "unchanged", "exit_code": 0}))
    assert (one["seconds"], one["steps"], one["bytes_sent"]) == (1.0, None, None)


CUT = [
    ((STARTED,), "failed"),
    ((STARTED, ("release.staged", {"release": "v2"})), "failed"),
    ((STARTED, ASKED, ("activation.ended", {"result": "succeeded"})), "succeeded"),
    ((STARTED, ASKED, ("activation.ended", {"result": "reverted", "reason": "500"})), "reverted"),
    ((STARTED, ASKED, ("activation.ended", {"result": "revert_failed", "reason": "500"})), "failed"),
]


@pytest.mark.parametrize("entries, result", CUT)
def test_one_whose_deployer_died_ended_as_its_switch_did(entries: tuple[Entry, ...], result: str) -> None:
    """The host ended the switch alone; what never came to a switch failed. The exit code is not known."""
    one = row(*entries)
    assert (one["result"], one["exit_code"], one["finished"]) == (result, None, float(len(entries)))
    assert one["reason"]


def test_how_long_it_took_is_not_known_where_the_clock_was_set_back() -> None:
    """Of one whose deployer died, only the journal's times are known; none is negative."""
    (one,) = history.rows({"d": {"deployment": "d", "started": 3600.0, "last": 10.0}})
    assert (one["result"], one["finished"], one["seconds"]) == ("failed", 10.0, None)


def test_one_that_is_at_work_has_no_result_yet() -> None:
    """The holder of the lease, or the one whose switch is open, is neither failed nor finished."""
    one = row(STARTED, at_work="d")
    assert (one["result"], one["finished"], one["seconds"]) == (None, None, None)


def test_entries_without_a_deployment_belong_to_none() -> None:
    """A pruned release or a noticed hand is no deployment."""
    found: dict[str, Any] = {}
    history.note(found, {"seq": 1, "ts": 1.0, "type": "release.pruned", "deployment": None, "release": "v1"})
    assert history.rows(found) == []
