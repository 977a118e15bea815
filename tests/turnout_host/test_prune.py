"""Which releases stay."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turnout_host.goods import host, lacking, sha, text
from tests.turnout_host.test_state import fold, life
from turnout_host.journal import Journal
from turnout_host.layout import Layout
from turnout_host.prune import kept, prune
from turnout_host.store import Store


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


def lived(layout: Layout, *names: str) -> Journal:
    """A journal by which these releases were blessed one after another; each has a folder."""
    layout.prepare()
    journal = Journal(layout)
    for name in names:
        for kind, fields in life(name):
            journal.append(kind, "d", **fields)
        layout.release(name).mkdir()
    layout.current.symlink_to(layout.release(names[-1]))
    return journal


def test_a_release_that_the_journal_does_not_know_is_not_pruned(tmp_path: Path) -> None:
    """After a journal was lost, earlier releases are somebody's to look at, not ours to remove."""
    layout = Layout(str(tmp_path / "app"))
    journal = lived(layout, "v2", "v3", "v4")
    layout.release("v1").mkdir()
    assert prune(layout, journal, Store(layout), 1)["removed"] == ["v2"]
    assert sorted(path.name for path in layout.releases.iterdir()) == ["v1", "v3", "v4"]


@pytest.mark.parametrize("hurt", [True, False])
def test_a_hurt_or_missing_manifest_does_not_stop_a_prune(tmp_path: Path, hurt: bool) -> None:
    """The rest goes; contents stay that its release still links, since nobody can tell any more what is its."""
    made = host(tmp_path / "app")
    journal = lived(made.layout, "v1", "v2")
    for name, tree in (("v1", {"a": b"one"}), ("v2", {"b": b"two"})):
        made.store.keep_text(text(tree).encode())
        made.store.fill(made.send(tree), made.layout.release(name))
        journal.append("release.prepared", "d", release=name, manifest=sha(text(tree).encode()))
    made.send({"c": b"nobody's"})
    file = made.layout.manifest(sha(text({"b": b"two"}).encode()))
    if hurt:
        file.write_text("f\tnonsense\n")
    else:
        file.unlink()
    assert prune(made.layout, journal, made.store, 0)["removed"] == ["v1"]
    assert lacking(made.store, [sha(b"one"), sha(b"two"), sha(b"nobody's")]) == sorted(
        [sha(b"one"), sha(b"nobody's")]
    )
    assert prune(made.layout, journal, made.store, 0)["removed"] == []


def test_old_host_programs_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The running one stays however old, so does the one that the boot starts, and the two newest others."""
    layout = Layout(str(tmp_path / "app"))
    journal = lived(layout, "v1")
    for age, letter in enumerate("abcdefgh"):
        program = layout.bin / f"turnout_host-{letter * 16}.pyz"
        program.write_text(letter)
        (layout.bin / f"{program.name}.d").mkdir()
        os.utime(program, (10**9 - age, 10**9 - age))
    (layout.bin / "turnout_host.pyz").symlink_to(layout.bin / f"turnout_host-{'g' * 16}.pyz")
    (layout.bin / "somebody's").touch()
    monkeypatch.setattr(sys, "argv", [str(layout.bin / f"turnout_host-{'f' * 16}.pyz")])
    prune(layout, journal, Store(layout), 5)
    left = [path.name for path in layout.bin.iterdir()]
    assert sorted(left) == [
        "somebody's",
        *(f"turnout_host-{one * 16}.pyz{end}" for one in "abfg" for end in ("", ".d")),
        "turnout_host.pyz",
    ]


def test_an_adopted_release_is_never_pruned() -> None:
    """Turnout did not make it, and removes nothing that it did not make (docs/adopt.md)."""
    adopted = [("adoption.asked", {"release": "v1", "adopted": True}), ("release.blessed", {"release": "v1"})]
    state = fold(*adopted, *(entry for number in range(2, 9) for entry in life(f"v{number}")))
    assert set(kept(state, "v8", 2)) == {"v8", "v7", "v6", "v1"}


def test_a_pinned_release_stays_until_the_pin_is_removed() -> None:
    """However many come after it."""
    lives = [entry for number in range(1, 9) for entry in life(f"v{number}")]
    pin = ("release.pinned", {"release": "v1", "by": "ann"})
    assert "v1" in kept(fold(*lives, pin), "v8", 2)
    assert "v1" not in kept(fold(*lives, pin, ("release.unpinned", {"release": "v1"})), "v8", 2)
