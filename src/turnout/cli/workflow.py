"""GitHub's workflow commands: how ours are written, and how everybody else's text is kept from being one.

The runner reads every line of a step's two streams. A line that begins with `::`, after any white space, is a
command, and so is one that has `##[` anywhere in it (actions/runner, ActionCommand.cs).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO, cast

from turnout import text


def here(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether this runs as a step of GitHub Actions."""
    return variables.get("GITHUB_ACTIONS") == "true"


def command(name: str, message: str = "", **properties: object) -> str:
    """One command as a line; line breaks in `message` are kept, and nothing in it ends the command early."""
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    lines = "\n".join(text.lines(message))
    return f"::{name}{' ' if given else ''}{given}::{_data(lines)}\n"


def _data(value: str) -> str:
    return value.replace("##[", "# #[").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(text.harmless(value)).replace(":", "%3A").replace(",", "%2C")


def inert(line: str) -> str:
    """The line as one that the runner only shows."""
    broken = line.replace("##[", "# #[")
    return f"| {broken}" if broken.lstrip().startswith("::") else broken


class Inert:
    """A text stream in front of another, which lets no workflow command through, in however many pieces it comes."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self._begun = stream, ""

    def write(self, written: str) -> int:
        """Pass on what is whole; the begin of a line waits for its end."""
        *whole, self._begun = (self._begun + written).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.stream.write("".join(f"{inert(line)}\n" for line in whole))
        return len(written)

    def flush(self) -> None:
        """Pass on what is whole to whoever reads."""
        self.stream.flush()

    def close(self) -> None:
        """Pass on the begin of a line that never ended; the stream itself stays open."""
        if self._begun:
            self.stream.write(inert(self._begun))
            self._begun = ""
        self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def beneath(stream: TextIO) -> TextIO:
    """The stream that takes commands: the one behind `Inert`."""
    return stream.stream if isinstance(stream, Inert) else stream


@contextmanager
def guarded() -> Iterator[None]:
    """In Actions, whatever this program prints is only shown, and never obeyed."""
    if not here():
        yield
        return
    streams = sys.stdout, sys.stderr
    guards = Inert(sys.stdout), Inert(sys.stderr)
    sys.stdout, sys.stderr = cast("TextIO", guards[0]), cast("TextIO", guards[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        for guard in guards:
            guard.close()
