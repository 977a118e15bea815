"""The link `current` and the links under `backups/`."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout_host import switch
from turnout_host.errors import SurveyError
from turnout_host.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(str(tmp_path / "app"))
    made.prepare()
    for name in ("v1", "v2"):
        (made.releases / name).mkdir()
    return made


def test_current_is_an_absolute_link_that_can_be_copied(layout: Layout) -> None:
    """The spec's hand drill copies the link; a relative one would then lead elsewhere."""
    switch.point(layout, layout.release("v1"))
    assert layout.current.readlink() == layout.release("v1")
    switch.point(layout, layout.release("v2"))
    assert switch.target(layout) == layout.release("v2")
    assert list(layout.tmp.iterdir()) == []


def test_a_real_folder_is_never_replaced(layout: Layout) -> None:
    """What a hand put there stays, untouched."""
    layout.current.mkdir()
    (layout.current / "app.js").write_text("by hand")
    with pytest.raises(SurveyError):
        switch.point(layout, layout.release("v1"))
    assert (layout.current / "app.js").read_text() == "by hand"


@pytest.mark.parametrize(
    "make, kind", [("link", "link"), ("mkdir", "folder"), ("touch", "other"), ("", "missing")]
)
def test_current_is_named_for_what_it_is(layout: Layout, make: str, kind: str) -> None:
    """Four cases, told apart without following the link."""
    if make == "link":
        layout.current.symlink_to(layout.path / "nowhere")
    elif make:
        getattr(layout.current, make)()
    assert switch.kind(layout) == kind


def test_two_backups_of_one_second_get_two_names(layout: Layout) -> None:
    """The spec's names have seconds; a second one moves on."""
    first = switch.backup_name(layout, 1_700_000_000)
    switch.back_up(layout, layout.release("v1"), first)
    assert switch.backup_name(layout, 1_700_000_000) != first


@pytest.mark.parametrize("back", [3600, 90_000_000])
def test_a_clock_that_was_set_back_makes_no_new_backup_the_oldest(layout: Layout, back: int) -> None:
    """Names go on from the newest, so that the newest is not the first to be trimmed; a hand's names do not count."""
    (layout.backups / "backup-of-mine").symlink_to(layout.release("v1"))
    for second in range(5):
        switch.back_up(layout, layout.release("v1"), switch.backup_name(layout, 1_700_000_000 + second))
    name = switch.backup_name(layout, 1_700_000_000 - back)
    switch.back_up(layout, layout.release("v1"), name)
    switch.trim_backups(layout)
    assert max(layout.backups.glob("backup-2*")).name == name


def test_the_newest_five_links_are_kept_and_real_folders_always(layout: Layout) -> None:
    """A folder under backups/ is somebody's own backup."""
    for second in range(8):
        switch.back_up(layout, layout.release("v1"), f"backup-20260101-00000{second}")
    (layout.backups / "backup-20200101-000000").mkdir()
    switch.trim_backups(layout)
    names = sorted(path.name for path in layout.backups.iterdir())
    assert names == ["backup-20200101-000000", *(f"backup-20260101-00000{second}" for second in range(3, 8))]


def test_a_link_that_leads_nowhere_goes_first(layout: Layout) -> None:
    """A backup of a pruned release is of no use to anyone."""
    switch.back_up(layout, layout.releases / "v9", "backup-20260101-000009")
    switch.back_up(layout, layout.release("v1"), "backup-20260101-000001")
    switch.trim_backups(layout)
    assert [path.name for path in layout.backups.iterdir()] == ["backup-20260101-000001"]
