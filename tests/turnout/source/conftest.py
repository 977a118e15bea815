from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PERSON = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


class Played:
    """A real repository that a test plays with."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def git(self, *args: str) -> str:
        env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | PERSON
        argv = ["git", "-c", "protocol.file.allow=always", *args]
        return subprocess.run(
            argv, cwd=self.root, env=env, check=True, capture_output=True, text=True
        ).stdout.strip()

    def write(self, path: str, text: str = "x\n") -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def commit(self, subject: str, **files: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Played:
    played = Played(tmp_path / "repo")
    played.git("init", "-q", "-b", "main")
    return played
