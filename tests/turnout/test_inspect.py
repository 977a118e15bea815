"""Looking at several hosts of which some cannot be asked: the others are shown, and the end says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import inspect
from turnout.cli import main
from turnout.errors import Unreachable
from turnout.model import Address

ROW = {
    "deployment": "d1",
    "started": 100.0,
    "finished": 110.0,
    "seconds": 10.0,
    "command": "deploy",
    "by": "ann@laptop",
    "revision": "3f2a1bc45d",
    "subject": "Fix it",
    "release": "v1",
    "previous": None,
    "result": "succeeded",
    "step": None,
    "reason": None,
    "steps": {"build": 5.0},
    "bytes_sent": 10,
}
ANSWERS: dict[str, dict[str, Any]] = {
    "status": {"release": "v1", "health": {"ok": True, "status": 200}, "releases": [], "deployments": []},
    "health": {"release": "v1", "health": {"ok": True, "status": 200}},
    "history": {"deployments": [ROW]},
}
COMMANDS = ["status", "health", "releases", "history", "report"]


class Client:
    """A host program that answers from the table."""

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def call(self, name: str, **_: object) -> dict[str, Any]:
        return dict(ANSWERS[name])


@pytest.fixture
def down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let these of the hosts a and b be down."""
    (tmp_path / "turnout.toml").write_text(
        'app = "api"\n[environments.production]\nhosts = ["deploy@a", "deploy@b"]\npath = "/srv/api"\n'
    )
    monkeypatch.chdir(tmp_path)

    def choose(*names: str) -> None:
        async def connect(_: object, __: object, address: Address) -> Client:
            if address.host in names:
                raise Unreachable(f"{address} does not answer")
            return Client()

        monkeypatch.setattr(inspect, "connect", connect)

    return choose


@pytest.mark.parametrize("command", COMMANDS)
def test_a_host_that_is_down_hides_no_other(
    command: str, down: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """What the other one says is shown first; then why, with the exit code of that."""
    down("a")
    assert main.run([command]) == Unreachable.exit_code
    said = capsys.readouterr().err
    assert "deploy@a does not answer" in said
    assert "v1" in said or "deploy@b" in said


@pytest.mark.parametrize("command", ["status", "health", "releases"])
def test_a_program_is_told_of_every_host(
    command: str, down: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the order of the file; one that cannot be asked has its problem instead."""
    down("a")
    assert main.run([command, "--json"]) == Unreachable.exit_code
    lost, well = json.loads(capsys.readouterr().out)["hosts"]
    assert lost == {"host": "deploy@a", "problem": "deploy@a does not answer", "exit_code": 20}
    assert well["host"] == "deploy@b"


@pytest.mark.parametrize("command", COMMANDS)
def test_without_any_host_there_is_only_the_error(
    command: str, down: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty screen would say that nothing was deployed."""
    down("a", "b")
    assert main.run([command, "--json"]) == Unreachable.exit_code
    assert capsys.readouterr().out == ""
