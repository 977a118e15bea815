"""What every display is, and the smallest one: -q says only how it ended."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TextIO

from turnout.cli import block, ending
from turnout.events import Event


class Display:
    """Shows events to someone. Used as a context manager, so that a terminal is always left in order."""

    def feed(self, event: Event) -> None:
        """Take in one event."""
        raise NotImplementedError

    def tick(self) -> None:
        """Called a few times a second while nothing happens."""

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the terminal in order."""


class Quiet(Display):
    """The summary line, or the block."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr

    def feed(self, event: Event) -> None:
        """Show an ending."""
        if event.type == "deployment.finished":
            show_ending(event, self.stream)


def show_ending(event: Event, stream: TextIO) -> None:
    """How it ended, without colours."""
    for note in ending.notes(event):
        print(f"note: {note}", file=stream)
    failed = ending.failure(event)
    if failed:
        block.show(failed, stream)
    else:
        print(ending.summary(event), file=stream, flush=True)
