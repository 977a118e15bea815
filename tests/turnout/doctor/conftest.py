from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.turnout.doctor.app import FILES, git, write


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository on branch main; the app is in backend/."""
    folder = tmp_path / "repo"
    write(folder / "backend", FILES)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Makes an app's folder with these files."""

    def make(files: dict[str, str]) -> Path:
        write(tmp_path / "app", files)
        return tmp_path / "app"

    return make
