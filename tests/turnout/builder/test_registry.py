from __future__ import annotations

import io
import tarfile

import pytest

from turnout.builder import registry
from turnout.errors import BuildError


def _tarball(path, *members: tuple[str, int, bytes]):
    with tarfile.open(path, "w:gz") as archive:
        for name, mode, kind in members:
            info = tarfile.TarInfo(name)
            info.mode, info.type, info.size = mode, kind, 1 if kind == tarfile.REGTYPE else 0
            info.linkname = "/etc/passwd"
            archive.addfile(info, io.BytesIO(b"x"))
    return path


def test_only_what_is_wanted_is_unpacked(tmp_path):
    """Without the first folder, with two modes, regular files only."""
    tarball = _tarball(
        tmp_path / "p.tgz",
        ("package/bin/node", 0o777, tarfile.REGTYPE),
        ("package/LICENSE", 0o600, tarfile.REGTYPE),
        ("package/include/x.h", 0o644, tarfile.REGTYPE),
        ("package/bin/link", 0o777, tarfile.SYMTYPE),
    )
    registry._unpack(tarball, tmp_path / "out", ("bin/", "LICENSE"))
    found = {
        str(path.relative_to(tmp_path / "out")): path.stat().st_mode & 0o777
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == {"bin/node": 0o755, "LICENSE": 0o644}


@pytest.mark.parametrize("name", ["package/../../evil", "/package/evil"])
def test_unsafe_paths_are_refused(tmp_path, name):
    """A package never writes outside of its folder."""
    with pytest.raises(BuildError, match="unsafe path"):
        registry._unpack(
            _tarball(tmp_path / "p.tgz", (name, 0o644, tarfile.REGTYPE)), tmp_path / "out", ("",)
        )
    assert not (tmp_path / "evil").exists()


async def test_npms_own_words_are_told(tmp_path, monkeypatch):
    """A registry that refuses is explained by npm."""
    (tmp_path / "npm").write_text("#!/bin/sh\necho 'npm error code E404' >&2\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(BuildError, match="npm view x failed") as failed:
        await registry.versions("x", tmp_path)
    assert failed.value.why == ["npm error code E404"]


async def test_a_missing_npm_says_so(tmp_path, monkeypatch):
    """Without npm there is a remedy, not a traceback."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BuildError, match="npm is not installed"):
        await registry.versions("x", tmp_path)


@pytest.mark.parametrize(
    "answer, expected", [('["1.0.0", "1.1.0"]', ["1.0.0", "1.1.0"]), ('"1.0.0"', ["1.0.0"])]
)
async def test_versions_of_a_package(tmp_path, monkeypatch, answer, expected):
    """A list, or one text when there is one version."""
    (tmp_path / "npm").write_text(f"#!/bin/sh\necho '{answer}'\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert await registry.versions("x", tmp_path) == expected
