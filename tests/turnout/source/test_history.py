"""How two revisions stand to each other: changed files, ancestry, and whether origin knows more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.turnout.source.conftest import Played
from turnout.source.git import Repository

STRANGER = "0" * 40


@pytest.fixture
def two(repo: Played) -> tuple[Played, str, str]:
    repo.write("backend/a.ts")
    repo.write("README.md")
    first = repo.commit("one")
    repo.write("backend/a.ts", "new\n")
    repo.write("backend/b c.ts")
    repo.write("README.md", "new\n")
    return repo, first, repo.commit("two")


async def test_changed_files_are_those_below_source(two: tuple[Played, str, str]) -> None:
    """With odd names as they are; None for a commit that is not here."""
    played, first, second = two
    repository = await Repository.find(played.root)
    assert await repository.files_changed(first, second, "backend") == ["backend/a.ts", "backend/b c.ts"]
    assert await repository.files_changed(first, first, "backend") == []
    assert len(await repository.files_changed(first, second) or []) == 3
    assert await repository.files_changed(STRANGER, second, "backend") is None
    assert await repository.files_changed("--output=/tmp/x", second, "backend") is None


async def test_what_comes_before(two: tuple[Played, str, str]) -> None:
    """An ancestor, not one, or not here."""
    played, first, second = two
    repository = await Repository.find(played.root)
    assert await repository.comes_before(first, second) is True
    assert await repository.comes_before(second, first) is False
    assert await repository.comes_before(STRANGER, second) is None
    assert await repository.comes_before(first, STRANGER) is None


async def test_behind_asks_origin_and_fetches_nothing(two: tuple[Played, str, str], tmp_path: Path) -> None:
    """Only commits on the named branches count; without a remote, or without an answer, nothing is behind."""
    played, _, _ = two
    clone = Played(tmp_path / "clone")
    played.git("clone", "-q", str(played.root), str(clone.root))
    here, there = await Repository.find(played.root), await Repository.find(clone.root)
    assert not await here.behind(["main"])
    assert not await there.behind(["main"])
    played.write("backend/a.ts", "newest\n")
    newest = played.commit("three")
    assert await there.behind(["main"])
    assert not await there.behind(["production"])
    assert await there.comes_before(newest, newest) is None, "nothing was fetched"
    played.root.rename(tmp_path / "gone")
    assert not await there.behind(["main"])
