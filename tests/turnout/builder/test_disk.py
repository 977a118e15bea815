"""What the cache needs from the file system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from turnout.builder import disk
from turnout.errors import BuildError


def test_a_copy_has_the_links_modes_and_times_of_the_tree(tmp_path: Path) -> None:
    """Links lead where they led, whether anything is there or not; nothing is shared with the tree."""
    tree = tmp_path / "node_modules"
    (tree / "a").mkdir(parents=True)
    (tree / "a/cli.js").write_text("1")
    (tree / "a/cli.js").chmod(0o755)
    os.utime(tree / "a/cli.js", ns=(1, 123456789))
    (tree / ".bin").symlink_to("a")
    (tree / "gone").symlink_to("/no/such/place")

    disk.copy(tree, tmp_path / "-copy")

    copy = tmp_path / "-copy"
    assert sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*")) == [
        ".bin",
        "a",
        "a/cli.js",
        "gone",
    ]
    assert ((copy / ".bin").readlink(), (copy / "gone").readlink()) == (Path("a"), Path("/no/such/place"))
    info = (copy / "a/cli.js").stat()
    assert (info.st_mode & 0o777, info.st_mtime_ns, info.st_nlink) == (0o755, 123456789, 1)


@pytest.mark.parametrize(
    "target, path, why",
    [
        ("no/such/folder", None, "No such file or directory"),
        ("node_modules", None, "is there already"),  # cp would make node_modules/node_modules
        ("copy", "/no/bin", "cp"),
    ],
)
def test_a_copy_that_cannot_be_made_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, path: str | None, why: str
) -> None:
    """A full disk, a folder that is somebody else's: what `cp` says is told."""
    (tmp_path / "node_modules").mkdir()
    if path:
        monkeypatch.setenv("PATH", path)
    with pytest.raises(BuildError, match="node_modules could not be copied") as caught:
        disk.copy(tmp_path / "node_modules", tmp_path / target)
    assert why in str(caught.value.why)
