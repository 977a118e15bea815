"""Workflow commands: ours arrive as they were meant, and nobody else's arrive at all."""

import io
import json
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.runner import obeyed
from turnout.cli import workflow
from turnout.cli.jsonlines import write

FOREIGN = st.text(alphabet=st.sampled_from(list(":#[]%\r\n\t\v\f\x85\u2028 ,=aA0\x1b")), max_size=60)
WORDS = st.lists(
    st.one_of(
        FOREIGN,
        st.sampled_from(
            ["::set-output name=a::b", "##[add-mask]x", "::stop-commands::t", "\n", "::t::", "%0A"]
        ),
    ),
    max_size=8,
).map("".join)


@given(WORDS, st.lists(st.integers(1, 20), max_size=10))
def test_no_text_becomes_a_command(text: str, cuts: list[int]) -> None:
    """Whatever is printed, in whatever pieces, the runner obeys nothing of it, and its visible words are all there."""
    stream = io.StringIO(newline="")
    guard = workflow.Inert(stream)
    at = 0
    for cut in cuts:
        guard.write(text[at : at + cut])
        at += cut
    guard.write(text[at:])
    guard.close()
    assert obeyed(stream.getvalue()) == []
    assert stream.getvalue().count("a") == text.count("a")


@given(WORDS, WORDS)
@example("\x1b\na", "a")
def test_a_command_carries_any_text(message: str, title: str) -> None:
    """One line, one command, and no foreign text ends it, adds a property or begins another."""
    (line,) = workflow.command("error", message, title=title, file="turnout.toml").splitlines()
    (command,) = obeyed(line)
    assert command.name == "error"
    assert set(command.properties) <= {"title", "file"}
    assert command.properties["file"] == "turnout.toml"
    kept = sum(workflow.text.harmless(line).count("a") for line in message.split("\n"))
    assert command.data.count("a") == kept or "\r" in message


@given(WORDS)
def test_json_is_no_command_and_says_the_same(text: str) -> None:
    """A line of --json in a log is obeyed nowhere, and a reader gets the text unchanged."""
    stream = io.StringIO()
    write({"line": text}, stream)
    assert obeyed(stream.getvalue()) == []
    assert json.loads(stream.getvalue()) == {"line": text}


def test_all_that_a_program_prints_in_actions_is_guarded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure's block indents the lines of an app, and the runner would trim that: so both streams are guarded."""
    import sys

    text = "✗ it failed\n         ::add-mask::x\n"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with workflow.guarded():
        print(text, end="")
        print(text, end="", file=sys.stderr)
    shown = capsys.readouterr()
    assert obeyed(shown.out) == obeyed(shown.err) == []
    assert "::add-mask::x" in shown.err
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    with workflow.guarded():
        print(text, end="")
    assert capsys.readouterr().out == text


def test_the_stream_beneath_takes_commands() -> None:
    """A display reaches the real stream through the guard."""
    stream = io.StringIO()
    assert workflow.beneath(cast("io.StringIO", workflow.Inert(stream))) is stream
    assert workflow.beneath(stream) is stream
