"""`turnout decide`: the tree that people see, the object for programs, and what `deploy --urgent` takes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.turnout.gate.test_rules import GO, PEAK, SAME, check
from turnout import inspect
from turnout.cli import main
from turnout.cli.decide import screen
from turnout.cli.deploy import urgency
from turnout.errors import UsageError
from turnout.gate.model import Verdict
from turnout.gate.verdict import decide
from turnout.model import Revision

REVISION = Revision("3f2a1bc45d" * 4, "t", "Greet with \x1b[2Jhello", "main")
WAIT = decide(replace(GO, calendar=PEAK, checks=(check("passed"), check("unfinished"))))
TREE = """\
api · production
  Change made to code: 3f2a1bc45d Greet with hello
  │
  ▼
  Did anything in backend/ change?               ── no ──▷ skip: nothing to deploy
  │ YES      1 file since v1
  ▼
  Is it on main?                                 ── no ──▷ refuse
  │ YES      on origin/main
  ▼
  Is what runs there newer?                      ── yes ──▷ refuse
  │ NO       v1 runs 46b8cfc652, which comes before it
  ▼
  Is it urgent?
  │ NO
  ▼
  Did all checks pass?                           ━━ NOT YET ━━▶ WAIT
  ╎ NOT YET  test passed
  ╎          test is not finished
  ▼
  Must it be blessed elsewhere first?
  │ NO
  ▼
  Is the window open?                            ━━ NO ━━▶ WAIT
  ╎ NO       not 11:00-14:00; it is Wed 25 Nov 12:00 UTC
  ▼
  WAIT
    why  test is not finished
    why  the window is closed: not 11:00-14:00
    do   when it is finished, the same command again
    do   or, if it cannot wait, add --urgent --reason "why"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    text = 'app = "api"\n[environments.production]\nhosts = ["deploy@a"]\npath = "/srv/api"\n'
    (tmp_path / "turnout.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(monkeypatch: pytest.MonkeyPatch, verdict: Verdict) -> list[Any]:
    asked: list[Any] = []

    async def fake(_config: Any, environment: Any, _reach: Any, ref: str) -> tuple[Revision, Verdict]:
        asked.append((environment.name, ref))
        return REVISION, verdict

    monkeypatch.setattr(inspect, "decide", fake)
    return asked


def test_the_tree(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every question in the spec's order, its way out, the way that was taken, and what to do; 10 for wait."""
    asked = answer(monkeypatch, WAIT)
    assert main.run(["decide", "production", "--ref", "main"]) == 10
    captured = capsys.readouterr()
    assert captured.err == TREE
    assert captured.out == ""
    assert asked == [("production", "main")]


@pytest.mark.parametrize(
    "verdict, word, code",
    [
        (decide(GO), "deploy", 0),
        (decide(replace(GO, running=(SAME,))), "skip", 0),
        (WAIT, "wait", 10),
        (decide(replace(GO, branch=None)), "refuse", 10),
    ],
)
def test_the_object(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verdict: Verdict,
    word: str,
    code: int,
) -> None:
    """One object with the fields of docs/json.md, and an exit code that scripts can use."""
    answer(monkeypatch, verdict)
    assert main.run(["decide", "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == word
    assert set(found) == {
        "app", "environment", "ref", "revision", "subject", "verdict", "until", "reasons", "remedy", "questions",
    }  # fmt: skip
    for question in found["questions"]:
        assert set(question) == {
            "name", "question", "answer", "effect", "urgent", "reason", "evidence", "remedy", "until",
        }  # fmt: skip


def test_only_the_path_is_bright(here: Path) -> None:
    """What was not asked is dim, what stops has the verdict's colour."""
    lines = list(screen("api", "production", REVISION, decide(replace(GO, running=(SAME,)))))
    (stopped,) = [style for style, line in lines if "change?" in line]
    (later,) = [style for style, line in lines if "Is the window open?" in line]
    assert (stopped, later) == ("bold green", "dim")
    assert lines[-2] == ("bold green", "  SKIP")


@pytest.mark.parametrize(
    "urgent, reason, kept",
    [
        (False, None, None),
        (True, "it burns", "it burns"),
        (True, "  it\n burns ", "it burns"),
        (True, "x" * 300, "x" * 300),
    ],
)
def test_urgency(urgent: bool, reason: str | None, kept: str | None) -> None:
    """The reason on one line."""
    assert urgency(urgent, reason) == kept


@pytest.mark.parametrize(
    "urgent, reason",
    [(True, None), (False, "it burns"), (True, "  "), (True, "x" * 301), (True, "a\x1b[2Jb"), (False, "")],
)
def test_urgency_and_its_reason_go_together(urgent: bool, reason: str | None) -> None:
    """One without the other, or a reason that is none, is usage."""
    with pytest.raises(UsageError):
        urgency(urgent, reason)
