"""Values come through a prompt, a pipe or an editor."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from turnout.cli.env import value
from turnout.errors import UsageError
from turnout.model import Secret


class Pipe:
    """Standard input that is no terminal."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)

    def isatty(self) -> bool:
        return False


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"a", "a"),
        (b"a\n", "a"),
        (b"a\r\n", "a"),
        (b"a\n\n", "a\n"),
        (b" a ", " a "),
        (b"", ""),
        ("ü\n".encode(), "ü"),
    ],
)
def test_one_newline_at_the_end_is_not_part_of_a_value(
    monkeypatch: pytest.MonkeyPatch, data: bytes, expected: str
) -> None:
    """`echo` puts it there; everything else is meant."""
    monkeypatch.setattr("sys.stdin", Pipe(data))
    assert value.one("KEY") == Secret(expected)


def test_on_a_terminal_it_is_asked_for_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """By getpass, which switches the echo off; the question is on stderr."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked: list[Any] = []
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream: asked.append((prompt, stream)) or "typed")
    assert value.one("KEY") == Secret("typed")
    assert asked[0][0] == "KEY: "


def test_the_end_of_input_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-D at the question: nothing is set, not even to nothing."""

    def leaves(*_: object, **__: object) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", leaves)
    with pytest.raises(UsageError, match="nothing was changed"):
        value.one("KEY")


def test_what_is_not_utf8_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dotenv is text."""
    monkeypatch.setattr("sys.stdin", Pipe(b"\xff"))
    with pytest.raises(UsageError, match="UTF-8"):
        value.one("KEY")


def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """$EDITOR is this script; what it notes."""
    program, seen = tmp_path / "editor", tmp_path / "seen"
    program.write_text(f"#!/bin/sh\nSEEN={seen}\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("EDITOR", f"{program} --wait")
    monkeypatch.delenv("VISUAL", raising=False)
    return seen


def test_an_editor_gets_a_file_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0600 with the text of before; its words may have arguments; the file is gone afterwards."""
    seen = editor(
        tmp_path,
        monkeypatch,
        'stat -c "%a" "$2" > $SEEN; echo "$2" >> $SEEN; cat "$2" >> $SEEN; echo after > "$2"',
    )

    assert value.edited(Secret("before\n"), "KEY") == Secret("after\n")

    mode, name, before = seen.read_text().splitlines()
    assert (mode, before) == ("600", "before")
    assert not Path(name).parent.exists()


@pytest.mark.parametrize(
    "script, why", [("exit 3", "status 3"), (None, "no editor"), ('rm "$2"', "could not be used")]
)
def test_without_a_good_end_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, why: str
) -> None:
    """`:cq` in vi is a way to say so."""
    editor(tmp_path, monkeypatch, script or "")
    if script is None:
        monkeypatch.delenv("EDITOR")
    with pytest.raises(UsageError, match=why):
        value.edited(Secret("before"), "KEY")


@pytest.mark.parametrize("name", ["/nowhere/nano", "'nano"])
def test_an_editor_that_is_none_is_told_plainly(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No traceback, and nothing was changed."""
    monkeypatch.setenv("VISUAL", name)
    with pytest.raises(UsageError, match="nothing was changed"):
        value.edited(Secret("before"), "KEY")
