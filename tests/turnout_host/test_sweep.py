"""Leftovers of dead runs."""

from __future__ import annotations

from pathlib import Path

from turnout_host.journal import Journal
from turnout_host.layout import Layout
from turnout_host.sweep import sweep


def test_an_unfinished_release_is_swept_also_when_its_folder_is_gone(tmp_path: Path) -> None:
    """A sweep that was killed half-way, or a hand's rm -rf, never blocks the next one."""
    layout = Layout(str(tmp_path / "app"))
    layout.prepare()
    journal = Journal(layout)
    journal.append("release.staged", "d", release="v1")
    journal.append("release.staged", "d", release="v2")
    (layout.releases / "v2").mkdir()
    sweep(layout, journal)
    assert journal.state.unfinished() == []
    assert list(layout.releases.iterdir()) == []
