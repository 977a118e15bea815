"""What the survey finds, and what of it is fatal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.turnout_host.goods import Host, host, sha, text
from turnout_host.errors import SurveyError
from turnout_host.journal import Journal
from turnout_host.survey import Survey, space

TREE = {"dist/server.js": b"listen()"}


@pytest.fixture
def made(tmp_path: Path) -> Host:
    """A host whose v1 was blessed and serves."""
    made = host(tmp_path / "app")
    made.store.keep_text(text(TREE).encode())
    made.store.lay(made.send(TREE), made.layout.release("v1"))
    made.layout.current.symlink_to(made.layout.release("v1"))
    journal = Journal(made.layout)
    journal.append("release.staged", "d", release="v1", manifest=sha(text(TREE).encode()))
    journal.append("release.blessed", "d", release="v1")
    return made


def drift(made: Host) -> list[tuple[bool, str]]:
    """The findings about changed files: fatal or not, and why."""
    survey = Survey(made.layout, Journal(made.layout).state, made.store, {})
    survey._drift()
    return [(found["fatal"], found["why"]) for found in survey.findings if found["what"] == "drift"]


@pytest.mark.parametrize("hurt", ["f\tnonsense\n", None])
def test_a_hurt_manifest_of_the_running_release_blocks_no_deploy(made: Host, hurt: str | None) -> None:
    """The next release would be the way out, so it is said and no more."""
    assert drift(made) == []
    file = made.layout.manifest(sha(text(TREE).encode()))
    file.unlink()
    if hurt:
        file.write_text(hurt)
    ((fatal, why),) = drift(made)
    assert not fatal
    assert "v1" in why
    assert "is missing or hurt" in why


def test_an_edited_file_is_fatal(made: Host) -> None:
    """The next release would lose it without a word."""
    file = made.layout.release("v1") / "dist/server.js"
    file.unlink()
    file.write_text("edited")
    ((fatal, why),) = drift(made)
    assert fatal
    assert "changed: dist/server.js" in why


@pytest.mark.parametrize(
    "files, free, refused",
    [(0, 0, False), (1000, 0, True), (1000, 9, True), (1000, 10, False)],
)
def test_inodes_count_where_there_is_a_limit(
    made: Host, monkeypatch: pytest.MonkeyPatch, files: int, free: int, refused: bool
) -> None:
    """Btrfs says 0 of 0, since it makes them as it goes; 0 of 1,000 is a full disk."""
    found = os.statvfs_result((4096, 4096, 10**9, 10**9, 10**9, files, free, free, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    if refused:
        with pytest.raises(SurveyError, match="not enough inodes: 10 are needed"):
            space(made.store, 1, 10)
    else:
        space(made.store, 1, 10)
