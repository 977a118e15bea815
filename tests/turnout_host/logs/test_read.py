"""Reading along: every line once, whatever happens to the files meanwhile."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout_host.logs.read import LONGEST, Reader
from turnout_host.logs.rotate import rotate

Cursor = dict[str, Any]


def add(folder: Path, *lines: str, name: str = "out.log") -> None:
    with (folder / name).open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def look(folder: Path, cursor: Cursor | None, ended: bool = False, **more: Any) -> tuple[list[str], Cursor]:
    """One look from a cursor on; the texts, and the next cursor."""
    reader = Reader(folder, more.pop("streams", ["out", "err"]), cursor, **more)
    found = reader.take(1000, 1 << 20, 5.0, ended)
    return [line.text for line in found], reader.cursor()


@pytest.fixture
def begun(tmp_path: Path) -> tuple[Path, Cursor]:
    """A folder with one line in out.log, which was read."""
    add(tmp_path, "2026-11-25T13:00:00Z one")
    texts, cursor = look(tmp_path, None)
    assert texts == ["2026-11-25T13:00:00Z one"]
    return tmp_path, cursor


def test_what_comes_is_read_once(begun: tuple[Path, Cursor]) -> None:
    """A second look gives what is new, a third nothing."""
    folder, cursor = begun
    add(folder, "two", "three")
    texts, cursor = look(folder, cursor)
    assert texts == ["two", "three"]
    assert look(folder, cursor)[0] == []


def test_a_rotation_loses_and_repeats_nothing(begun: tuple[Path, Cursor]) -> None:
    """Old workers write on into the file that was renamed, new ones into the fresh one: both are read."""
    folder, cursor = begun
    add(folder, "before")
    rotate(folder, 1, 5)
    add(folder, "of an old worker", name="out.log.1")
    add(folder, "of a new worker")
    texts, cursor = look(folder, cursor)
    assert texts == ["before", "of an old worker", "of a new worker"]
    rotate(folder, 1, 5)
    add(folder, "last of the old worker", name="out.log.2")
    assert look(folder, cursor)[0] == ["last of the old worker"]


def test_a_file_that_was_cut_is_read_from_its_beginning(begun: tuple[Path, Cursor]) -> None:
    """`pm2 flush`, or an editor: what stands there now is new."""
    folder, cursor = begun
    (folder / "out.log").write_text("anew\n")
    assert look(folder, cursor)[0] == ["anew"]


def test_a_file_that_was_cut_and_grew_beyond_is_noticed(begun: tuple[Path, Cursor]) -> None:
    """Its size tells nothing; the bytes before the offset do."""
    folder, cursor = begun
    os.truncate(folder / "out.log", 0)
    add(folder, *(f"new line {number}" for number in range(50)))
    texts, _ = look(folder, cursor)
    assert texts == [f"new line {number}" for number in range(50)]


def test_copytruncate_of_others_repeats_nothing(begun: tuple[Path, Cursor]) -> None:
    """Of logrotate's copy only what had not been read is read; then the file that was cut."""
    folder, cursor = begun
    add(folder, "not yet read")
    shutil.copyfile(folder / "out.log", folder / "out.log.1")
    os.truncate(folder / "out.log", 0)
    add(folder, "after the cut")
    assert look(folder, cursor)[0] == ["not yet read", "after the cut"]


def test_a_copy_before_the_cut_repeats_nothing(begun: tuple[Path, Cursor]) -> None:
    """A look between copy and cut reads the original alone."""
    folder, cursor = begun
    shutil.copyfile(folder / "out.log", folder / "out.log.1")
    add(folder, "more")
    texts, cursor = look(folder, cursor)
    assert texts == ["more"]
    os.truncate(folder / "out.log", 0)
    add(folder, "after the cut")
    assert look(folder, cursor)[0] == ["after the cut"]


def test_a_line_without_its_end_waits_for_it(begun: tuple[Path, Cursor]) -> None:
    """Half a line is no line yet, unless nobody reads on, or nothing came for a while."""
    folder, cursor = begun
    with (folder / "out.log").open("a") as file:
        file.write("half")
    assert look(folder, cursor)[0] == []
    assert look(folder, cursor, ended=True)[0] == ["half"]
    os.utime(folder / "out.log", (1.0, 1.0))
    assert look(folder, cursor)[0] == ["half"]


def test_a_line_without_end_comes_in_pieces(begun: tuple[Path, Cursor]) -> None:
    """Whatever an app writes, one look holds a bounded piece of it."""
    folder, cursor = begun
    (folder / "out.log").open("a").write("x" * (LONGEST + 5) + "\n")
    texts, _ = look(folder, cursor)
    assert [len(text) for text in texts] == [LONGEST, 5]


def test_streams_are_merged_by_time(tmp_path: Path) -> None:
    """A line without a stamp stays behind the one before it in its file (a stack trace)."""
    add(tmp_path, "2026-11-25T13:00:01Z a", "2026-11-25T13:00:05Z b")
    add(tmp_path, "2026-11-25T13:00:02Z Error", "    at here", "2026-11-25T13:00:06Z c", name="err.log")
    texts, _ = look(tmp_path, None)
    assert [text[-5:] for text in texts] == ["01Z a", "Error", " here", "05Z b", "06Z c"]
    assert look(tmp_path, None, streams=["err"])[0] == [
        "2026-11-25T13:00:02Z Error",
        "    at here",
        "2026-11-25T13:00:06Z c",
    ]


def test_it_begins_where_it_is_asked_to(tmp_path: Path) -> None:
    """The last lines, those since a moment, those that match; across files that were rotated."""
    add(tmp_path, *(f"2026-11-25T13:00:0{second}Z {second}" for second in range(5)))
    rotate(tmp_path, 1, 5)
    add(tmp_path, *(f"2026-11-25T13:00:0{second}Z {second}" for second in range(5, 9)))
    since = 1795611603.0  # 13:00:03

    def ends(**more: Any) -> str:
        return "".join(text[-1] for text in look(tmp_path, None, **more)[0])

    assert ends() == "012345678"
    assert ends(lines=6) == "345678"
    assert ends(lines=0) == ""
    assert ends(since=since) == "345678"
    assert ends(since=since, lines=2) == "78"
    assert ends(lines=3, wanted=lambda line: line[-1] in "0247") == "247"
    assert ends(since=since, wanted=lambda line: line[-1] in "0247") == "47"


def test_a_folder_without_logs_is_empty(tmp_path: Path) -> None:
    """Also one that is not there; what appears later is read from its beginning."""
    assert look(tmp_path / "none", None) == ([], {})
    (tmp_path / "other.txt").write_text("no log\n")
    (tmp_path / "out.log").symlink_to("/etc/hostname")
    texts, cursor = look(tmp_path, None)
    (tmp_path / "out.log").unlink()
    add(tmp_path, "first", name="out-0.log")
    assert (texts, look(tmp_path, cursor)[0]) == ([], ["first"])


OPS = st.lists(st.sampled_from(["out", "err", "old", "rotate", "look", "look a little"]), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPS)
def test_every_line_is_read_exactly_once(tmp_path: Path, ops: list[str]) -> None:
    """Writers, rotations and looks in any order: nothing is lost, nothing comes twice."""
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    written: list[str] = []
    seen: list[str] = []
    cursor: Cursor | None = None
    for op in [*ops, "look"]:
        if op == "rotate":
            rotate(folder, 1, 50)
        elif op.startswith("look"):
            reader = Reader(folder, ["out", "err"], cursor)
            seen += [line.text for line in reader.take(1 if "little" in op else 1000, 1 << 20, 5.0, False)]
            cursor = reader.cursor()
        elif op != "old" or (folder / "out.log.1").exists():
            written.append(f"line {len(written)}")
            add(folder, written[-1], name={"out": "out.log", "err": "err.log", "old": "out.log.1"}[op])
    assert sorted(seen) == sorted(written)


def read_so_far() -> int:
    """Bytes that this process has read from files."""
    return int(Path("/proc/self/io").read_text().split()[1])


def test_the_last_lines_of_a_huge_file_are_read_from_its_end(tmp_path: Path) -> None:
    """A gigabyte (a hole, so that it takes no room) is not read for ten lines."""
    with (tmp_path / "out.log").open("wb") as log:
        log.truncate(1_000_000_000)
        log.seek(0, os.SEEK_END)
        log.write(b"\n" + b"".join(b"2026-11-25T13:41:%02d: line\n" % number for number in range(50)))

    before = read_so_far()
    found = Reader(tmp_path, ["out"], None, lines=10).take(10, 1 << 18, 1.0, True)

    assert [line.text[17:19] for line in found] == [f"{number}" for number in range(40, 50)]
    assert read_so_far() - before < 4_000_000


def test_what_no_line_is_wanted_of_is_not_read_twice(tmp_path: Path) -> None:
    """The search for the last wanted lines came to the beginning: reading goes on at the first one that was found."""
    (tmp_path / "out.log").write_text("no\n" * 1000 + "yes\n" + "no\n" * 10)
    (tmp_path / "err.log").write_text("no\n" * 1000)
    wanted = "yes".__eq__

    reader = Reader(tmp_path, ["out", "err"], None, lines=10, wanted=wanted)

    assert reader.behind() == len("yes\n" + "no\n" * 10)
    assert [line.text for line in reader.take(100, 1 << 18, 1.0, True)] == ["yes"]
