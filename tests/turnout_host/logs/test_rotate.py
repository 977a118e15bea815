"""Rotation by size: renamed, counted, and made anew as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout_host.logs import rotate as rotation
from turnout_host.logs.files import Log, logs
from turnout_host.logs.rotate import rotate


def test_only_a_log_that_is_too_large_is_turned(tmp_path: Path) -> None:
    """Others stay as they are, and so does what is no log."""
    (tmp_path / "out.log").write_text("x" * 11)
    (tmp_path / "err.log").write_text("x" * 10)
    (tmp_path / "app.sqlite").write_text("x" * 100)
    assert rotate(tmp_path, 10, 5) == ["out.log"]
    names = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert names == {"out.log": 0, "out.log.1": 11, "err.log": 10, "app.sqlite": 100}


def test_so_many_older_ones_stay(tmp_path: Path) -> None:
    """The oldest goes; the others move up by one, in their order."""
    for number in range(5):
        (tmp_path / "out.log").write_text(f"{number}" * 20)
        rotate(tmp_path, 10, 3)
    found = {path.name: path.read_text()[:1] for path in tmp_path.iterdir()}
    assert found == {"out.log": "", "out.log.1": "4", "out.log.2": "3", "out.log.3": "2"}


def test_a_gap_that_a_dead_run_left_is_no_harm(tmp_path: Path) -> None:
    """A rotation that was cut short is carried on by the next one."""
    (tmp_path / "out.log").write_text("new" * 10)
    (tmp_path / "out.log.2").write_text("old")
    rotate(tmp_path, 10, 3)
    assert (tmp_path / "out.log.3").read_text() == "old"
    assert (tmp_path / "out.log.1").read_text() == "new" * 10


def test_the_fresh_file_has_the_mode_of_the_old_one(tmp_path: Path) -> None:
    """Who could write into it and read it still can."""
    (tmp_path / "out.log").write_text("x" * 20)
    (tmp_path / "out.log").chmod(0o640)
    rotate(tmp_path, 10, 3)
    assert (tmp_path / "out.log").stat().st_mode & 0o777 == 0o640


def test_a_writer_that_holds_the_file_open_loses_nothing(tmp_path: Path) -> None:
    """PM2's workers write on into the file that was renamed."""
    with (tmp_path / "out.log").open("a") as writer:
        writer.write("before\n" * 5)
        writer.flush()
        rotate(tmp_path, 10, 3)
        writer.write("after\n")
    assert (tmp_path / "out.log.1").read_text() == "before\n" * 5 + "after\n"
    assert (tmp_path / "out.log").read_text() == ""


def test_a_log_that_cannot_be_turned_is_left_and_the_others_are_turned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's logrotate was faster: that must not cost the activation that is under way."""
    for name in ("err.log", "out.log"):
        (tmp_path / name).write_text("x" * 20)

    def listed(folder: Path) -> dict[str, list[Log]]:
        found = logs(folder)
        (folder / "err.log").unlink()
        return found

    monkeypatch.setattr(rotation, "logs", listed)

    assert rotate(tmp_path, 10, 3) == ["out.log"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.log", "out.log.1"]
