"""What differs between a folder and its manifest is told path by path."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.turnout_host.goods import Link, Program, Tree, entries, host, sha
from turnout_host.compare import differences, hash_file

TREE: Tree = {
    "dist/x.js": b"x",
    "dist/deep/y.js": b"y",
    "bin/run": Program(b"run"),
    "link": Link("dist"),
    "logs/kept": b"",
}
Change = Callable[[Path], object]


def swap(path: Path, make: Change) -> None:
    path.unlink()
    make(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    there = host(tmp_path)
    there.store.lay(there.send(TREE), there.layout.release("v1"))
    return there.layout.release("v1")


@pytest.mark.parametrize(
    "change, lines",
    [
        (lambda f: None, []),
        (lambda f: os.utime(f / "dist/x.js"), []),
        (lambda f: swap(f / "dist/x.js", lambda p: p.write_bytes(b"z")), ["changed: dist/x.js"]),
        (lambda f: swap(f / "dist/x.js", lambda p: p.write_bytes(b"x")), []),
        (lambda f: swap(f / "dist/x.js", lambda p: p.mkdir()), ["changed: dist/x.js"]),
        (lambda f: swap(f / "dist/x.js", lambda p: p.symlink_to("deep/y.js")), ["changed: dist/x.js"]),
        (lambda f: swap(f / "dist/x.js", os.mkfifo), ["changed: dist/x.js"]),
        (lambda f: swap(f / "link", lambda p: p.symlink_to("bin")), ["changed: link"]),
        (lambda f: swap(f / "link", lambda p: p.mkdir()), ["changed: link"]),
        (lambda f: (f / "bin/run").chmod(0o644), ["changed: bin/run"]),
        (lambda f: (f / "dist/x.js").chmod(0o755), ["changed: dist/x.js"]),
        (lambda f: (f / "dist/x.js").unlink(), ["missing: dist/x.js"]),
        (lambda f: ((f / "dist/deep/y.js").unlink(), (f / "dist/deep").rmdir()), ["missing: dist/deep"]),
        (lambda f: (f / "new").touch(), ["added: new"]),
        (lambda f: ((f / "new").mkdir(), (f / "new/a").touch(), (f / "new/b").touch()), ["added: new"]),
        (
            lambda f: ((f / "b").touch(), (f / "bin/run").unlink(), (f / "c").touch()),
            ["added: b", "missing: bin/run", "added: c"],
        ),
        (lambda f: (f / "a\nb\x1b[2J").touch(), ["added: a\\nb\\x1b[2J"]),
        (lambda f: os.close(os.open(os.fsencode(f) + b"/\xff", os.O_CREAT)), ["added: \\udcff"]),
        (lambda f: (f / "dist").rename(f.parent / "away"), ["missing: dist"]),
        (
            lambda f: f.rename(f.parent / "away"),
            ["missing: bin", "missing: dist", "missing: link", "missing: logs"],
        ),
    ],
)
def test_each_change_is_told_once(folder: Path, change: Change, lines: list[str]) -> None:
    """Contents, kinds, link targets and the executable bit count; times and owners do not."""
    change(folder)
    assert differences(entries(TREE), folder) == lines


NAMES = ["a/b", "a-b", "a.d/x", "a0/y", "a/b-c", "b", "~", "é", "\uff5e/z", "\U0001f600"]


@pytest.mark.parametrize("gone", NAMES)
def test_names_around_a_slash_are_met_in_the_order_of_manifests(tmp_path: Path, gone: str) -> None:
    """`a-b` stands between `a` and `a/b`; where one is missing or new, all others are still found."""
    there, whole = host(tmp_path), {path: path.encode() for path in NAMES}
    folder = there.layout.release("v1")
    there.store.lay(there.send(whole), folder)
    assert differences(entries(whole), folder) == []
    fewer = {path: data for path, data in whole.items() if path != gone}
    top = gone if gone.startswith("a/") else gone.partition("/")[0]
    assert differences(entries(fewer), folder) == [f"added: {top}"]
    (folder / gone).unlink()
    assert differences(entries(whole), folder) == [f"missing: {gone}"]


def test_what_is_ignored_is_passed_over_with_all_below(folder: Path) -> None:
    """A shared name replaces what the artifact had, and a folder that only holds one is not an addition."""
    (folder / "logs/kept").unlink()
    (folder / "logs").rmdir()
    (folder / "logs").symlink_to("/nowhere")
    (folder / "data").mkdir()
    (folder / "data/uploads").symlink_to("/nowhere")
    (folder / ".env").touch()
    ignore = ("logs", "data/uploads", ".env", "node_modules")
    assert differences(entries(TREE), folder, ignore) == []
    (folder / "data/more").touch()
    (folder / "logs2").touch()
    assert differences(entries(TREE), folder, ignore) == ["added: data/more", "added: logs2"]


def test_a_file_that_cannot_be_read_counts_as_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad block must not look like a good file, nor end the comparison."""

    def fail(*_: object) -> bytes:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "read", fail)
    assert "changed: dist/x.js" in differences(entries(TREE), folder)


def test_a_large_file_is_hashed_in_pieces(tmp_path: Path) -> None:
    """A sparse file of 64 MiB has the digest of as many zeros."""
    with (tmp_path / "file").open("wb") as file:
        file.truncate(64 << 20)
    assert hash_file(str(tmp_path / "file")) == sha(bytes(64 << 20))
