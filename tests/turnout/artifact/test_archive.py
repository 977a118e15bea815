"""The classic package: the same bytes for the same contents, and never a secret."""

from __future__ import annotations

import os
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from turnout.artifact import archive, manifest
from turnout.errors import PackageError


def tree(folder: Path, **files: str) -> archive.Part:
    """A folder with these files; `__` is a slash, `_` in front a dot."""
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("DOT", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return manifest.of(folder), folder


def test_bytes_follow_from_contents(tmp_path: Path) -> None:
    """Neither times, nor owners, nor the order of parts count; links and modes are kept."""
    for name in ("one", "two"):
        part = tree(tmp_path / name / "a", dist__b="b", dist__a="a", package="p")
        other = tree(tmp_path / name / "b", node_modules__x="x")
        (tmp_path / name / "b/node_modules/link").symlink_to("x")
        (tmp_path / name / "a/dist/a").chmod(0o700)
        os.utime(part[1] / "package", (1, len(name)))
        parts = [(manifest.of(part[1]), part[1]), (manifest.of(other[1]), other[1])]
        archive.write(
            parts if name == "one" else parts[::-1], tmp_path / f"{name}.tgz", ["dist", "node_modules"]
        )

    assert (tmp_path / "one.tgz").read_bytes() == (tmp_path / "two.tgz").read_bytes()
    with tarfile.open(tmp_path / "one.tgz") as read:
        assert read.getnames() == [
            "dist",
            "dist/a",
            "dist/b",
            "node_modules",
            "node_modules/link",
            "node_modules/x",
        ]
        assert read.getmember("dist/a").mode == 0o755
        assert read.getmember("node_modules/link").linkname == "x"


@pytest.mark.parametrize("names", [{"DOTenv": "x"}, {"dist__DOTenv": "x"}])
def test_a_dotenv_is_refused(tmp_path: Path, names: dict[str, str]) -> None:
    """Whatever brought it there; and no half written file is left over."""
    part = tree(tmp_path / "tree", **names)

    with pytest.raises(PackageError):
        archive.write([part], tmp_path / "out.tgz", [".env", "dist"])
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_what_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    """The manifest says what is packed; the file that is there already stays."""
    part = tree(tmp_path / "tree", dist__a="a")
    (tmp_path / "out.tgz").write_text("before")
    (tmp_path / "tree/dist/a").write_text("longer")

    with pytest.raises(PackageError):
        archive.write([part], tmp_path / "out.tgz", ["dist"])
    assert (tmp_path / "out.tgz").read_text() == "before"


def test_memory_hardly_grows_with_the_files(tmp_path: Path) -> None:
    """Of each of 2,000 files less than 200 bytes are remembered; tarfile alone would keep half a kilobyte."""
    count = 2000
    part = tree(tmp_path / "tree", **{f"dist__{number}": "x" for number in range(count)})
    tracemalloc.start()
    try:
        archive.write([part], tmp_path / "out.tgz", ["dist"])
        assert tracemalloc.get_traced_memory()[1] / count < 200
    finally:
        tracemalloc.stop()
