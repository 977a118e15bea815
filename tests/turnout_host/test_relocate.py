"""A folder or file that moves and leaves a link behind: in one step, and from wherever a killed program left it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from turnout_host import relocate
from turnout_host.errors import SurveyError


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Old, with a file in it; new, below a folder that is not there yet; and a folder for temporary links."""
    old, tmp = tmp_path / "current", tmp_path / "tmp"
    old.mkdir()
    tmp.mkdir()
    (old / "file").write_text("contents")
    return old, tmp_path / "releases/v1", tmp


def whole(old: Path, new: Path) -> bool:
    """The folder is at the new place, and the old name is an absolute link to it."""
    return relocate.leads(old, new) and (new / "file").read_text() == "contents" and not new.is_symlink()


def cannot(one: Path, other: Path) -> bool:
    """A kernel or a file system that cannot exchange two names."""
    return False


@pytest.mark.parametrize("swaps", [True, False])
def test_it_moves_and_leaves_a_link(
    places: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch, swaps: bool
) -> None:
    """With one exchange where there is one, else with two renames, and says which; once more changes nothing."""
    old, new, tmp = places
    if not swaps:
        monkeypatch.setattr(relocate, "swap", cannot)

    assert relocate.relocate(old, new, tmp) is swaps

    assert whole(old, new)
    assert relocate.relocate(old, new, tmp)
    assert whole(old, new)
    assert list(tmp.iterdir()) == []


def test_no_reader_ever_misses_it(places: tuple[Path, Path, Path]) -> None:
    """Somebody who opens the file all the time through the old name finds it each time, while folders move."""
    old, new, tmp = places
    folders = [old.with_name(f"current-{number}") for number in range(300)]
    for folder in folders:
        folder.mkdir()
        (folder / "file").write_text("contents")
    looks, missed, ending = [folders[0]], [], threading.Event()

    def read() -> None:
        while not ending.is_set():
            try:
                (looks[-1] / "file").read_text()
            except OSError as error:
                missed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number, folder in enumerate(folders):
            looks.append(folder)
            assert relocate.relocate(folder, new.with_name(f"v{number}"), tmp)
    finally:
        ending.set()
        reader.join()
    assert missed == []


HALVES = {
    "link to itself": lambda old, new: new.symlink_to(new),
    "between two renames": lambda old, new: old.rename(new),
    "empty folder there": lambda old, new: new.mkdir(),
}


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("swaps", [True, False])
def test_what_a_killed_program_left_is_carried_on(
    places: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch, half: str, swaps: bool
) -> None:
    """From every state between the first and the last step the same call ends well."""
    old, new, tmp = places
    new.parent.mkdir()
    HALVES[half](old, new)
    if not swaps:
        monkeypatch.setattr(relocate, "swap", cannot)

    relocate.relocate(old, new, tmp)

    assert whole(old, new)


def test_an_empty_folder_becomes_a_link_to_the_full_one(places: tuple[Path, Path, Path]) -> None:
    """`logs` of a release that has none yet, and shared logs that are there."""
    full, empty, tmp = places
    empty.mkdir(parents=True)

    relocate.relocate(empty, full, tmp)

    assert relocate.leads(empty, full)
    assert (full / "file").read_text() == "contents"


def test_two_that_hold_something_are_left_alone(places: tuple[Path, Path, Path]) -> None:
    """Nothing is merged and nothing is overwritten."""
    old, new, tmp = places
    new.mkdir(parents=True)
    (new / "other").write_text("other")

    assert not relocate.free(old, new)
    with pytest.raises(SurveyError):
        relocate.relocate(old, new, tmp)
    assert (old / "file").read_text() == "contents"
    assert (new / "other").read_text() == "other"


def test_a_file_moves_like_a_folder(tmp_path: Path) -> None:
    """A SQLite file keeps its inode, so that who has it open writes to the same one."""
    old, new = tmp_path / "dev.db", tmp_path / "shared/prisma/dev.db"
    old.write_text("rows")
    inode = old.stat().st_ino

    relocate.relocate(old, new, tmp_path)

    assert old.is_symlink()
    assert (new.stat().st_ino, old.read_text()) == (inode, "rows")
