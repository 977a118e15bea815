"""Plain lines for logs and pipes: one a step, with the time since the start in front."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from turnout import text
from turnout.cli import ending
from turnout.cli.board import Board, Row
from turnout.cli.quiet import Display, show_ending
from turnout.events import Event

PATIENCE = 1.0
"""Seconds after which a running step is worth a line of its own."""
EVERY = 5.0
"""Seconds between two lines of one running step."""


class Plain(Display):
    """Lines without colours and without movement."""

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic, verbose: bool = False
    ) -> None:
        self.stream, self.verbose = stream or sys.stderr, verbose
        self.board = Board(clock)
        self._said: dict[int, tuple[float, str]] = {}

    def feed(self, event: Event) -> None:
        """Print what is worth a line."""
        row = self.board.feed(event)
        if event.type == "deployment.started":
            self._print(ending.heading(event))
        elif event.type == "deployment.finished":
            if said := ending.held_up(event):
                self._print(said)
            show_ending(event, self.stream)
        elif event.type == "rollback.foretold":
            self._print("\n".join(ending.foretold(event)))
        elif row and event.type == "step.started":
            self._said.pop(id(row), None)
        elif row and event.type == "step.finished":
            self._line(
                row, row.state, " · ".join(part for part in (text.took(row.seconds), row.detail) if part)
            )
        elif row and event.type == "step.output" and self.verbose:
            self._print(
                "".join(
                    f"           | {line}\n" for line in text.lines(str(event.data.get("line", "")))
                ).rstrip("\n")
            )
        self.tick()

    def tick(self) -> None:
        """Say of each running step that it runs, and every few seconds what is new with it."""
        now = self.board.clock()
        for row in self.board.rows:
            if not row.running or row.elapsed(now) < PATIENCE:
                continue
            last = self._said.get(id(row))
            if last is None or (now - last[0] >= EVERY and row.says() != last[1]):
                self._said[id(row)] = (now, row.says())
                self._line(row, "runs", row.says())

    def said(self, row: Row, state: str, detail: str) -> str:
        """The line of a step."""
        since = text.took(self.board.clock() - self.board.began)
        host = f" {row.host}" if row.host else ""
        return f"{since:>10} {row.step:<9}{host} {state}{': ' if detail else ''}{detail}"

    def _line(self, row: Row, state: str, detail: str) -> None:
        self._print(self.said(row, state, detail))

    def _print(self, line: str) -> None:
        print(line, file=self.stream, flush=True)
