"""The fold over the journal: what serves, what a rollback may go to, what is left over."""

from __future__ import annotations

from typing import Any

import pytest

from turnout_host.state import State


def fold(*entries: tuple[str, dict[str, Any]]) -> State:
    state = State()
    for seq, (kind, fields) in enumerate(entries, start=1):
        state.apply({"seq": seq, "ts": float(seq), "token": 1, "type": kind, "deployment": "d", **fields})
    return state


def life(name: str) -> list[tuple[str, dict[str, Any]]]:
    """A release from its staging to its blessing."""
    return [
        ("release.staged", {"release": name}),
        ("release.rehearsed", {"release": name}),
        ("activation.asked", {"release": name}),
        ("activation.switched", {"release": name}),
        ("release.blessed", {"release": name}),
        ("activation.ended", {"release": name, "result": "succeeded"}),
    ]


STATES = [
    (life("v1")[:1], "staged"),
    (life("v1")[:2], "rehearsed"),
    (life("v1")[:4], "active"),
    (life("v1"), "blessed"),
    ([*life("v1")[:2], ("release.failed", {"release": "v1"})], "failed"),
    ([*life("v1")[:4], ("activation.reverted", {"release": "v1", "to": None})], "reverted"),
]


@pytest.mark.parametrize("entries, state", STATES)
def test_a_release_goes_through_its_states(entries: list[Any], state: str) -> None:
    """Each entry leads a release to the state that DESIGN 6 names."""
    assert fold(*entries).releases["v1"]["state"] == state


def test_a_blessed_release_serves_and_an_active_one_does_not_yet() -> None:
    """Only the blessing changes what serves: until then a revert goes to the release before."""
    state = fold(*life("v1"), *life("v2")[:4])
    assert state.serving == "v1"
    assert fold(*life("v1"), *life("v2")).serving == "v2"


def test_the_gap_of_fork_mode_is_the_measured_one_where_there_is_one() -> None:
    """A rehearsal foresees it, the switch measures it; in cluster mode there is none."""
    rehearsed = [life("v1")[0], ("release.rehearsed", {"release": "v1", "gap_seconds": 0.5})]
    proved = ("activation.proved", {"release": "v1", "gap_seconds": 0.62})
    assert fold(*rehearsed).releases["v1"]["gap_seconds"] == 0.5
    assert fold(*rehearsed, *life("v1")[2:4], proved).releases["v1"]["gap_seconds"] == 0.62
    assert "gap_seconds" not in fold(*life("v1")).releases["v1"]


def test_a_revert_makes_the_earlier_release_serve_and_spoils_the_new_one() -> None:
    """After a revert the new release is no target of a rollback."""
    state = fold(*life("v1"), *life("v2")[:4], ("activation.reverted", {"release": "v2", "to": "v1"}))
    assert state.serving == "v1"
    assert [record["release"] for record in state.blessed()] == ["v1"]


def test_an_activation_is_open_until_it_ends() -> None:
    """The journal holds an activation open from the asking to the end, with its phase."""
    state = fold(*life("v1")[:4])
    assert state.open is not None
    assert state.open["phase"] == "switched"
    assert fold(*life("v1")).open is None


@pytest.mark.parametrize(
    "running, target", [("v3", "v2"), ("v2", "v1"), ("v1", None), (None, "v3"), ("v9", "v3")]
)
def test_below_is_the_newest_blessed_release_under_the_running_one(
    running: str | None, target: str | None
) -> None:
    """Twice back goes two back."""
    assert fold(*life("v1"), *life("v2"), *life("v3")).below(running) == target


def test_unfinished_releases_are_those_that_never_became_active() -> None:
    """What a dead deployer left between stage and activate is found by name."""
    assert fold(*life("v1"), *life("v2")[:2]).unfinished() == ["v2"]


def test_the_newest_number_stays_when_its_release_is_pruned() -> None:
    """A number is never given twice."""
    state = fold(*life("v7"), ("release.pruned", {"release": "v7"}))
    assert state.releases == {}
    assert state.newest == 7


def test_an_unknown_entry_changes_nothing_but_the_counters() -> None:
    """An older host program reads a newer journal."""
    state = fold(("something.new", {"release": "v1"}))
    assert (state.seq, state.token, state.releases) == (1, 1, {})


def test_a_rollback_that_fails_leaves_its_target_a_good_one() -> None:
    """A database that is down for a minute must not eat one proved release after another."""
    state = fold(*life("v1"), *life("v2"), ("activation.reverted", {"release": "v1", "to": "v2"}))
    assert [record["release"] for record in state.blessed()] == ["v2", "v1"]
    assert state.serving == "v2"


def test_an_urgent_deployment_keeps_its_reason_beside_that_of_its_end() -> None:
    """`reason` of the start is why it was urgent, `reason` of the end why it failed; the history has both."""
    state = fold(
        ("deployment.started", {"by": "ann@laptop", "urgent": True, "reason": "it burns"}),
        ("deployment.finished", {"result": "failed", "reason": "a check failed"}),
    )
    record = state.deployments["d"]
    assert (record["urgent"], record["why"], record["reason"]) == (
        True,
        "it burns",
        "a check failed",
    )


RESTORED = {"name": "b"}


@pytest.mark.parametrize(
    "after, open_",
    [
        ([], True),
        ([("restore.failed", RESTORED)], True),
        ([("restore.finished", RESTORED)], False),
        (
            [("restore.failed", RESTORED), ("restore.started", RESTORED), ("restore.finished", RESTORED)],
            False,
        ),
        ([("restore.failed", RESTORED), ("migration.finished", {"release": "v1", "applied": []})], False),
    ],
)
def test_a_restore_that_did_not_end_well_is_remembered(after: list[Any], open_: bool) -> None:
    """Until another one, or the next migration, went well."""
    state = fold(*life("v1"), ("restore.started", RESTORED), *after)
    assert (state.restore is not None) is open_


def test_after_a_restore_nobody_knows_which_migrations_are_in() -> None:
    """The database may be older than the journal."""
    done = ("migration.finished", {"release": "v1", "applied": ["a"]})
    state = fold(*life("v1"), done, ("restore.started", RESTORED))
    assert state.releases["v1"]["migrated"] == "unknown"


def test_a_layers_stamp_is_the_newest_one_and_goes_when_it_is_made_anew() -> None:
    """Also by an earlier Turnout, which writes none."""
    made = ("layer.made", {"key": "deps-1", "manifest": "m"})
    stamped = ("layer.made", {"key": "deps-1", "manifest": "m", "stamp": "1"})
    verified = ("layer.verified", {"key": "deps-1", "stamp": "2"})
    assert fold(made).stamps == fold(stamped, made).stamps == fold(verified, made).stamps == {}
    assert fold(stamped).stamps == {"deps-1": "1"}
    assert fold(stamped, verified).stamps == fold(made, verified).stamps == {"deps-1": "2"}
    assert fold(stamped, verified).layers == {"deps-1": "m"}
