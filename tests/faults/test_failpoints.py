"""The failpoints of both programs: a fault happens once, another may follow it, and a recording stays."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

import turnout.failpoints
import turnout_host.failpoints

BOTH = [
    pytest.param(turnout.failpoints, "deployer", id="deployer"),
    pytest.param(turnout_host.failpoints, "host", id="host program"),
]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where both look for a fault."""
    file = tmp_path / "fault"
    monkeypatch.setattr(turnout.failpoints, "_file", str(file))
    monkeypatch.setattr(turnout_host.failpoints, "_file", str(file))
    monkeypatch.setattr("sys.argv", ["turnout_host", "serve"])
    return file


@pytest.mark.parametrize("program, role", BOTH)
def test_a_fault_happens_once_and_another_follows_it(file: Path, program: ModuleType, role: str) -> None:
    """`then` is laid in its place; nothing happens at other points."""
    second = {"point": f"{role}:stage:exit", "act": "fail"}
    file.write_text(json.dumps({"point": f"{role}:stage:enter", "act": "fail", "then": second}))
    program.at("stage", "exit")
    with pytest.raises(OSError, match="stage:enter"):
        program.at("stage", "enter")
    assert json.loads(file.read_text()) == second
    program.at("stage", "enter")
    with pytest.raises(OSError, match="stage:exit"):
        program.at("stage", "exit")
    assert not file.exists()
    program.at("stage", "exit")


@pytest.mark.parametrize("program, role", BOTH)
def test_a_recording_names_every_point(file: Path, program: ModuleType, role: str) -> None:
    """It is there until somebody takes it away."""
    file.write_text(json.dumps({"point": "", "act": "record"}))
    program.begin("stage")
    program.middle()
    program.at("stage", "exit")
    points = file.with_name("fault.points").read_text().split()
    assert points == [f"{role}:stage:{place}" for place in ("enter", "middle", "exit")]
