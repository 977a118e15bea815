"""Which releases stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.turnout_host.test_state import fold, life
from turnout_host.prune import kept


def test_the_running_release_and_five_before_it_stay() -> None:
    """DESIGN 3: prune."""
    state = fold(*(entry for number in range(1, 9) for entry in life(f"v{number}")))
    assert kept(state, "v8", 5) == ["v8", "v7", "v6", "v5", "v4", "v3"]


def test_a_failed_release_never_pushes_out_a_good_one() -> None:
    """Only blessed releases count."""
    state = fold(*life("v1"), *life("v2"), *life("v3")[:2], ("release.failed", {"release": "v3"}))
    assert kept(state, "v2", 1) == ["v2", "v1"]


def test_after_a_rollback_the_running_one_stays_however_old() -> None:
    """The release that serves is never pruned."""
    state = fold(*(entry for number in range(1, 9) for entry in life(f"v{number}")))
    assert "v1" in kept(state, "v1", 2)


@given(st.lists(st.sampled_from(["good", "failed", "reverted"]), min_size=1, max_size=12), st.integers(1, 6))
def test_what_an_open_activation_needs_always_stays(ends: list[str], keep: int) -> None:
    """Neither the release under way nor the way back is ever pruned."""
    entries = []
    for number, end in enumerate(ends, start=1):
        steps = life(f"v{number}")
        entries += steps if end == "good" else [*steps[:2], ("release.failed", {"release": f"v{number}"})]
    name, back = f"v{len(ends) + 1}", "v1"
    entries += [
        ("release.staged", {"release": name}),
        ("activation.asked", {"release": name, "previous": back}),
    ]
    assert {name, back} <= set(kept(fold(*entries), back, keep))


def test_a_pinned_release_stays_until_the_pin_is_removed() -> None:
    """However many come after it."""
    lives = [entry for number in range(1, 9) for entry in life(f"v{number}")]
    pin = ("release.pinned", {"release": "v1", "by": "ann"})
    assert "v1" in kept(fold(*lives, pin), "v8", 2)
    assert "v1" not in kept(fold(*lives, pin, ("release.unpinned", {"release": "v1"})), "v8", 2)
