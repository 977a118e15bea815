from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.standin import standin
from turnout.hosts import zipapp


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without keys, agent, configuration or known hosts."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return folder


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> zipapp.Zipapp:
    """The stand-in takes the place of the host program."""
    packed = standin(tmp_path / "standin")
    monkeypatch.setattr(zipapp, "packed", lambda: packed)
    return packed
