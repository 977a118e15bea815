"""Files and trees appear whole or not at all, after they are on the disk, and leave nothing behind."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.turnout_host.goods import as_nobody, listing
from turnout_host import disk
from turnout_host.errors import StoreError


@pytest.fixture
def tmp(tmp_path: Path) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


def test_a_written_file_has_its_mode_from_the_start(tmp_path: Path, tmp: Path) -> None:
    """The second write replaces the first in one step; no temp file stays."""
    disk.write(tmp_path / "file", b"one", 0o644, tmp)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
    disk.write(tmp_path / "file", b"two", 0o600, tmp)
    assert (tmp_path / "file").read_bytes() == b"two"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert listing(tmp) == []


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, tmp: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """After a failed fsync nothing is renamed (FACTS)."""

    def fail(*_: object) -> None:
        raise OSError(5, "input/output error")

    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="input/output"):
        disk.write(tmp_path / "file", b"new", 0o600, tmp)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert listing(tmp) == []


def test_a_link_is_replaced_in_one_step(tmp_path: Path, tmp: Path) -> None:
    """A link that leads to a folder is replaced, not filled."""
    (tmp_path / "one").mkdir()
    for target in ("one", "two"):
        disk.link(tmp_path / "link", target, tmp)
        assert str((tmp_path / "link").readlink()) == target
    assert listing(tmp_path / "one") == listing(tmp) == []


def test_a_real_folder_is_never_replaced_by_a_link(tmp_path: Path, tmp: Path) -> None:
    """Where `ln -sfn` would put the link inside and say nothing, this fails."""
    (tmp_path / "real").mkdir()
    with pytest.raises(OSError, match="directory"):
        disk.link(tmp_path / "real", "elsewhere", tmp)
    assert listing(tmp_path / "real") == listing(tmp) == []


def test_a_tree_is_synced_before_it_is_in_place(
    tmp_path: Path, tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sync sees the whole tree at its temporary place, and nothing yet at the final one."""
    seen = []
    monkeypatch.setattr(disk, "sync", lambda at: seen.append((listing(at), (tmp_path / "tree").exists())))
    with disk.placed(tmp_path / "tree", tmp) as temp:
        (temp / "file").touch()
    assert seen == [(["file"], False)]
    assert listing(tmp_path / "tree") == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_tree_that_fails_is_gone(tmp_path: Path, tmp: Path, error: type[BaseException]) -> None:
    """However the work ends, even by a signal's exception, nothing is left over."""

    def work() -> None:
        with disk.placed(tmp_path / "tree", tmp) as temp:
            (temp / "file").touch()
            raise error

    with pytest.raises(error):
        work()
    assert listing(tmp_path) == ["tmp"]
    assert listing(tmp) == []


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_nothing_is_placed_over_what_is_there(tmp_path: Path, tmp: Path, make) -> None:  # type: ignore[no-untyped-def]
    """Not over a folder, a file, or a dangling link."""
    make(tmp_path / "tree")
    with pytest.raises(StoreError), disk.placed(tmp_path / "tree", tmp):
        raise AssertionError("the work must not begin")


def test_sealed_trees_are_shut_for_their_owner_and_can_still_be_removed() -> None:
    """Without being root: nothing can be added, and `unlock`, `remove` and `sweep` still do their work."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o777)

    def work() -> None:
        tmp = root / "tmp"
        tmp.mkdir()
        for name in ("one", "two"):
            with disk.placed(root / name, tmp, sealed=True) as temp:
                (temp / "a/b").mkdir(parents=True)
                (temp / "link").symlink_to(tmp)
            for inside in ("new", "a/new", "a/b/new"):
                with pytest.raises(PermissionError):
                    (root / name / inside).touch()
        (tmp / "writable through the link's target").touch()
        disk.remove(root / "one", tmp)
        disk.unlock(root / "two")
        (root / "two/a/b/new").touch()
        disk.seal(root / "two")
        (root / "two").chmod(0o755)
        (root / "two").rename(tmp / "left over")
        assert disk.sweep(tmp) == 2
        assert listing(root) == ["tmp"]
        assert listing(tmp) == []

    try:
        as_nobody(work)
    finally:
        shutil.rmtree(root)


def test_a_removed_tree_leaves_its_place_at_once(
    tmp_path: Path, tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When deleting is cut short, the rest is in tmp, for the next sweep; what its links lead to stays."""
    (tmp_path / "tree/inside").mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    (tmp_path / "tree/link").symlink_to(tmp_path / "kept")

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", interrupt)
        with pytest.raises(KeyboardInterrupt):
            disk.remove(tmp_path / "tree", tmp)
    assert not (tmp_path / "tree").exists()
    assert disk.sweep(tmp) == 1
    assert listing(tmp_path) == ["kept", "tmp"]


def test_the_figures_are_those_of_the_file_system(tmp_path: Path) -> None:
    """Bytes, as an ordinary user may use them."""
    space = disk.space(tmp_path)
    assert 0 < space["free"] <= space["total"] == shutil.disk_usage(tmp_path).total
    assert space["inodes_free"] > 0


def test_without_syncfs_everything_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A C library that lacks the call costs time, not safety."""
    called = []
    monkeypatch.setattr(disk, "_syncfs", None)
    monkeypatch.setattr(os, "sync", lambda: called.append(True))
    disk.sync(tmp_path)
    assert called == [True]


def test_a_failed_syncfs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its result is looked at."""
    monkeypatch.setattr(disk, "_syncfs", lambda _: -1)
    with pytest.raises(OSError, match=str(tmp_path)):
        disk.sync(tmp_path)


def test_a_tree_that_is_gone_already_is_as_good_as_removed(tmp_path: Path, tmp: Path) -> None:
    """Whoever removes again after a kill, or after a hand's rm -rf, is not stopped by it."""
    disk.remove(tmp_path / "v9", tmp)
    assert listing(tmp) == []


@pytest.mark.parametrize("act", ["sweep", "scratch"])
def test_what_somebody_else_removes_meanwhile_is_removed(
    tmp: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """Another connection ends its own work while we sweep; both are right."""
    before, removed = os.chmod, []

    def chmod(path: str, mode: int) -> None:
        before(path, mode)
        for name in ("inside", "file"):  # what we are about to look at
            if Path(path, name).exists():
                removed.append(name)
                shutil.rmtree(Path(path, name), ignore_errors=True)
                Path(path, name).unlink(missing_ok=True)

    if act == "sweep":
        (tmp / "one/inside/deep").mkdir(parents=True)
        (tmp / "one/file").touch()
        monkeypatch.setattr(os, "chmod", chmod)
        monkeypatch.setattr(Path, "iterdir", lambda _: iter([tmp / "one", tmp / "gone", tmp / "gone too"]))
        disk.sweep(tmp)
        assert removed == ["inside", "file"]
    else:
        with disk.scratch(tmp, "one") as folder:
            folder.rmdir()
    monkeypatch.undo()
    assert listing(tmp) == []
