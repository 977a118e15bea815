"""A stamp tells what was touched since, and is only given where a later change could not have the same times."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.turnout_host.goods import Link, Program, Tree, host
from turnout_host import proc, stamps
from turnout_host.layers import SCRATCH

TREE: Tree = {
    "node_modules/a/x.js": b"x",
    "node_modules/a/y.js": b"y",
    "node_modules/.bin/run": Link("../a/x.js"),
    "node_modules/b/run": Program(b"run"),
}
X = "node_modules/a/x.js"
HOUR = 3600 * 10**9
Change = Callable[[Path], object]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree as a layer is laid, with nothing changed in it just now."""
    there = host(tmp_path)
    there.store.lay(there.send(TREE), there.layout.layer("deps-1"))
    stamps.settle()
    return there.layout.layer("deps-1")


def stamp(tree: Path) -> stamps.Stamp:
    seen = stamps.look(tree, SCRATCH)
    assert seen
    return seen.stamp()


def left(known: stamps.Stamp, tree: Path) -> list[str] | None:
    """What has to be hashed of a tree that had this stamp."""
    return stamps.left(known, stamps.look(tree, SCRATCH, known))


def edit(file: Path) -> None:
    """In place, as root may: size and mtime are what they were."""
    before = file.stat()
    with file.open("r+b") as opened:
        opened.write(b"z")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def replace(file: Path) -> None:
    """By a copy with its size and mtime."""
    before = file.stat()
    other = file.with_name("other")
    other.write_bytes(b"z")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(file)


def relink(link: Path) -> None:
    link.unlink()
    link.symlink_to("../a/y.js")


ALL = None
CHANGES: dict[str, tuple[Change, list[str] | None]] = {
    "nothing": (lambda tree: None, []),
    "an edit that puts size and mtime back": (lambda tree: edit(tree / X), [X]),
    "an edit": (lambda tree: (tree / X).write_bytes(b"z"), ALL),
    "a replaced file": (lambda tree: replace(tree / X), ALL),
    "a removed file": (lambda tree: (tree / X).unlink(), ALL),
    "an added file": (lambda tree: (tree / "node_modules/a/new.js").touch(), ALL),
    "an added folder": (lambda tree: (tree / "node_modules/new").mkdir(), ALL),
    "a renamed folder": (lambda tree: (tree / "node_modules/a").rename(tree / "node_modules/c"), ALL),
    "a file's mode": (lambda tree: (tree / X).chmod(0o755), ALL),
    "a folder's mode": (lambda tree: (tree / "node_modules/a").chmod(0o777), ALL),
    "a link that leads elsewhere": (lambda tree: relink(tree / "node_modules/.bin/run"), ALL),
    "a content that something else links": (lambda tree: os.link(tree / X, tree.parent / "link"), [X]),
    "a layer that is not believed any more": (stamps.distrust, ALL),
    "a scratch file": (lambda tree: (tree / "node_modules/.cache/jiti").mkdir(parents=True), []),
    "what only begins like one": (lambda tree: (tree / "node_modules/.cache2").touch(), ALL),
}


@pytest.mark.parametrize("change, paths", CHANGES.values(), ids=CHANGES)
def test_what_was_touched_since_a_stamp_has_to_be_hashed(
    tree: Path, change: Change, paths: list[str] | None
) -> None:
    """By itself, or all, where not only a ctime is another one."""
    known = stamp(tree)
    change(tree)
    assert left(known, tree) == paths


def test_a_folder_that_takes_anothers_place_is_not_taken_for_it(tree: Path) -> None:
    """Its files have the same names, sizes and mtimes, and were made long before the stamp."""
    other = shutil.copytree(tree / "node_modules/a", tree.parent / "other")
    edit(other / "x.js")
    stamps.settle()
    os.link(tree / "node_modules/b/run", tree.parent / "link")  # newer than all of it
    known = stamp(tree)
    (tree / "node_modules/a").rename(tree.parent / "away")
    other.rename(tree / "node_modules/a")
    assert max(path.lstat().st_ctime_ns for path in (tree / "node_modules/a").iterdir()) <= known["changed"]
    assert left(known, tree) is ALL


def test_where_much_was_touched_all_is_hashed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody remembers the paths of a whole layer."""
    known = stamp(tree)
    for path in (X, "node_modules/a/y.js"):
        os.link(tree / path, tree.parent / path.replace("/", "-"))
    assert left(known, tree) == [X, "node_modules/a/y.js"]
    monkeypatch.setattr(stamps, "FEW", 1)
    assert left(known, tree) is ALL


def test_a_stamp_counts_for_one_boot(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut may keep what was written and lose the ctime that would have told of it."""
    known = stamp(tree)
    monkeypatch.setattr(proc, "boot_id", lambda: "another")
    assert left(known, tree) is ALL


@pytest.mark.parametrize("by", [-0.01, 0.01, -3600])
def test_a_stamp_counts_until_the_clock_is_set(tree: Path, by: float) -> None:
    """An edit after that could have an older ctime than the tree had."""
    known = stamp(tree)
    assert left(dict(known, booted=known["booted"] + by), tree) is ALL


def test_nothing_is_believed_without_a_stamp(tree: Path) -> None:
    """Nor where the tree cannot be read."""
    assert stamps.left(None, stamps.look(tree)) is ALL
    assert left(stamp(tree), tree / "gone") is ALL


def hashed(tree: Path, meanwhile: Change = lambda tree: None) -> stamps.Stamp | None:
    before = stamps.look(tree, SCRATCH)
    meanwhile(tree)
    return stamps.hashed(before, tree, SCRATCH)


def laid(tree: Path, meanwhile: Change = lambda tree: None) -> stamps.Stamp | None:
    began = time.time_ns()
    meanwhile(tree)
    stamps.settle()
    return stamps.laid(began, tree, SCRATCH)


BOTH = pytest.mark.parametrize("given", [hashed, laid])


@BOTH
def test_what_lies_there_unchanged_gets_its_stamp(
    given: Callable[..., stamps.Stamp | None], tree: Path
) -> None:
    """Hashed or laid."""
    known = given(tree)
    assert known
    assert left(known, tree) == []


@BOTH
def test_a_change_while_it_was_hashed_gives_none(
    given: Callable[..., stamps.Stamp | None], tree: Path
) -> None:
    """Nobody can say if what was hashed is what lies there now."""
    assert given(tree, lambda tree: (tree / X).write_bytes(b"z")) is None


def test_what_only_a_mode_or_only_a_ctime_tells_while_it_was_hashed_gives_none(tree: Path) -> None:
    """A folder that was opened, and an edit that hides."""
    assert hashed(tree, lambda tree: (tree / "node_modules/a").chmod(0o777)) is None
    assert hashed(tree)
    assert hashed(tree, lambda tree: edit(tree / X)) is None


def test_links_that_are_made_while_it_is_laid_are_no_edit(tree: Path) -> None:
    """They change each ctime; the mtime tells that the contents are those that were hashed."""
    assert laid(tree, lambda tree: os.link(tree / X, tree / "node_modules/a/link.js"))


@BOTH
def test_what_changed_within_a_tick_gives_none(
    given: Callable[..., stamps.Stamp | None], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later edit could get the very same ctime."""
    monkeypatch.setattr(stamps, "settle", lambda: None)
    monkeypatch.setattr(stamps, "TICK", HOUR)
    assert given(tree) is None


@BOTH
def test_a_change_in_the_future_gives_none(
    given: Callable[..., stamps.Stamp | None], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was set back: the time of that change will come once more."""
    clock = SimpleNamespace(
        time_ns=lambda: time.time_ns() - HOUR, time=lambda: time.time() - 3600, sleep=lambda _: None
    )
    monkeypatch.setattr(stamps, "time", clock)
    assert given(tree) is None


@BOTH
def test_a_tree_that_cannot_be_read_gives_none(
    given: Callable[..., stamps.Stamp | None], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no error: hashing says what is wrong."""

    def fail(_: object) -> list[str]:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "listdir", fail)
    assert given(tree) is None


NOW = 1_800_000_000_500_000_000


@pytest.mark.parametrize(
    "newest, sure",
    [
        (NOW - stamps.TICK - 1, True),
        (NOW - stamps.TICK, False),
        (NOW, False),
        (NOW + HOUR, False),
        (NOW - NOW % stamps.SECOND, False),
        (NOW - NOW % stamps.SECOND - 2 * stamps.SECOND, True),
    ],
)
def test_a_time_is_surely_past(newest: int, sure: bool) -> None:
    """After a tick; after two seconds where only whole ones are kept: an edit 0.4 s later would have the same."""
    assert stamps._before(newest, NOW) is sure


def test_what_was_distrusted_is_otherwise_as_it_was(tree: Path) -> None:
    """`verify` only looks: no mode, owner or mtime moves. A folder that is gone is no error."""
    before = tree.stat()
    stamps.distrust(tree)
    after = tree.stat()
    assert after.st_ctime_ns != before.st_ctime_ns
    for name in ("st_mode", "st_uid", "st_gid", "st_mtime_ns"):
        assert getattr(after, name) == getattr(before, name)
    stamps.distrust(tree / "gone")
