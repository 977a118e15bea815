"""The display of a GitHub Actions log: plain lines, a group for each step that printed something, annotations."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO, cast

from turnout import text
from turnout.cli import ending, workflow
from turnout.cli.board import Row
from turnout.cli.plain import Plain
from turnout.cli.quiet import show_ending
from turnout.cli.summary import Summary
from turnout.events import Event

KEPT = 5000
"""Lines of one step that its group shows."""
PLACED = re.compile(r"([^\s:]+):([0-9]+):([0-9]+)(?:: (.*))?")
TABLE = re.compile(r"\[([A-Za-z0-9_.-]+)\]")
Place = tuple[str, int, int]


class Actions(Plain):
    """Steps run at the same time and groups cannot, so a step's output is shown as a whole when it ends."""

    def __init__(
        self,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        quiet: bool = False,
        config: Path | None = None,
        variables: Mapping[str, str] = os.environ,
    ) -> None:
        self.commands, self.quiet = workflow.beneath(stream or sys.stderr), quiet
        super().__init__(cast("TextIO", workflow.Inert(self.commands)), clock)
        self.config, self.variables = config or Path("turnout.toml"), variables
        self.summary = Summary(variables)
        self._kept: dict[tuple[str, str | None], deque[str]] = {}

    def feed(self, event: Event) -> None:
        """Keep what a step prints, show it when the step ends, and say everywhere how it all ended."""
        self._keep(event)
        if not self.quiet:
            super().feed(event)
        elif event.type == "deployment.finished":
            show_ending(event, self.stream)
        self.summary.feed(event)
        if event.type == "deployment.finished":
            self._annotate(event)

    def tick(self) -> None:
        """Say what still runs, unless only the end is wanted."""
        if not self.quiet:
            super().tick()

    def close(self) -> None:
        """What a step printed that never ended is shown all the same."""
        for (step, _), lines in self._kept.items():
            self._group(f"{step} did not end", lines)
        self._kept.clear()

    def _keep(self, event: Event) -> None:
        said = event.data.get("line") if event.type == "step.output" else event.data.get("message")
        if event.step is None or said is None:
            return
        host = event.host if len(self.board.hosts) > 1 else None
        lines = self._kept.setdefault((event.step, host), deque(maxlen=KEPT))
        lines.extend(line for line in text.lines(str(said)) if line.strip())

    def _line(self, row: Row, state: str, detail: str) -> None:
        lines = None if state == "runs" else self._kept.pop((row.step, row.host), None)
        if lines:
            self._group(self.said(row, state, detail), lines)
        else:
            super()._line(row, state, detail)

    def _group(self, title: str, lines: deque[str]) -> None:
        if self.quiet:
            return
        self._command("group", title.strip())
        for line in lines:
            self._print(f"  {line}")
        self._command("endgroup")

    def _command(self, name: str, message: str = "", **properties: object) -> None:
        self.commands.write(workflow.command(name, message, **properties))
        self.commands.flush()

    def _annotate(self, event: Event) -> None:
        """The failure, on the line of turnout.toml that is to blame, else on the step of the workflow."""
        block = ending.failure(event)
        if block is None:
            return
        others = [match for line in block.why if (match := PLACED.fullmatch(line)) and match[4]]
        why = [line for line in block.why if not PLACED.fullmatch(line)]
        told = [block.message, *why, *([f"now: {block.state}"] if block.state else []), *block.remedy]
        title = f"turnout: {ending.summary(event)}" + (f", {block.where}" if block.where else "")
        self._error("\n".join(told), title, self._place(block.where))
        for match in others:
            self._error(str(match[4]), "turnout", self._place(match[0]))

    def _error(self, message: str, title: str, place: Place | None) -> None:
        file, line, col = place or ("", 0, 0)
        self._command("error", message, file=file, line=line, col=col, title=title)

    def _place(self, where: str) -> Place | None:
        """`turnout.toml:8:1`, or `[environments.production]`, as a place in the repository."""
        if match := PLACED.match(where):
            return self._in_repository(Path(match[1])), int(match[2]), int(match[3])
        if match := TABLE.search(where):
            return self._table(match[1])
        return None

    def _table(self, name: str) -> Place | None:
        from turnout.config import locate

        try:
            found = locate.place(self.config.read_text(encoding="utf-8-sig"), tuple(name.split(".", 1)))
        except (OSError, ValueError, AssertionError, IndexError):
            return None
        return self._in_repository(self.config), found.line, found.column

    def _in_repository(self, file: Path) -> str:
        top = self.variables.get("GITHUB_WORKSPACE") or str(Path.cwd())
        return os.path.relpath(file.absolute(), top)
