"""The live display of a terminal: one line a step, always one screen, never wrapped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from turnout import text
from turnout.cli import block, ending
from turnout.cli.board import Board, Row
from turnout.cli.quiet import Display
from turnout.events import Event

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
MARKS = {
    "waiting": ("·", "dim"),
    "not run": ("-", "dim"),
    "done": ("✓", "green"),
    "reused": ("✓", "green"),
    "skipped": ("-", "dim"),
    "failed": ("✗", "bold red"),
    "refused": ("✗", "bold yellow"),
}
IDLE = {"waiting", "skipped", "not run"}
"""States in which nothing was done."""
BAR = 16
"""Columns of an upload's bar; left out where the terminal is narrower than WIDE."""
WIDE = 90
FRAMES = 10.0
"""Pictures a second."""


class LiveDisplay(Display):
    """Redraws the board in place. Drawn from a thread of rich's own, hence the lock."""

    def __init__(
        self,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        verbose: bool = False,
    ) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.verbose = verbose
        self.board = Board(clock)
        self._lock = threading.RLock()
        self._ended = False
        self._live = Live(
            get_renderable=self.render,
            console=self.console,
            refresh_per_second=FRAMES,
            vertical_overflow="crop",
            redirect_stdout=False,
        )

    def feed(self, event: Event) -> None:
        """Take in one event, and show it."""
        with self._lock:
            self.board.feed(event)
        if event.type == "deployment.started":
            self.console.print(Text(ending.heading(event), style="bold"), soft_wrap=True)
            self._live.start()
        elif event.type == "step.output" and self.verbose:
            for line in text.lines(str(event.data.get("line", ""))):
                self.console.print(Text(f"  {line}", style="dim"))
        elif event.type == "rollback.foretold":
            for line in ending.foretold(event):
                self.console.print(Text(line, style="yellow"), soft_wrap=True)
        elif event.type == "deployment.finished":
            self.close()
            self._ending(event)

    def close(self) -> None:
        """Draw the last picture and give the terminal back."""
        self._ended = True
        if self._live.is_started:
            self._live.stop()

    def _ending(self, event: Event) -> None:
        if said := ending.held_up(event):
            self.console.print(Text(f"  {said}", style="dim"), soft_wrap=True)
        for note in ending.notes(event):
            self.console.print(Text(f"  note  {note}", style="yellow"), soft_wrap=True)
        self.console.print()
        failed = ending.failure(event)
        if failed:
            block.paint(failed, self.console)
        else:
            self.console.print(
                Text.assemble(("✓ ", "bold green"), (ending.summary(event), "bold")), soft_wrap=True
            )

    def render(self) -> RenderableType:
        """The picture of this moment, no higher than the screen."""
        with self._lock:
            rows = list(self.board.rows)
            room = self.console.height - 4
            hidden = 0 if self._ended else _to_hide(rows, room)
            grid = self._grid(rows[hidden:])
        return Group(Text(f"✓ {hidden} steps before", style="dim"), grid) if hidden else grid

    def _grid(self, rows: list[Row]) -> Table:
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=1)
        grid.add_column(no_wrap=True, min_width=max((len(row.step) for row in self.board.rows), default=0))
        many = len(self.board.hosts) > 1
        if many:
            grid.add_column(no_wrap=True, overflow="ellipsis", max_width=max(10, self.console.width // 4))
        grid.add_column(no_wrap=True, justify="right", min_width=6)
        grid.add_column(overflow="ellipsis")  # the one that may shrink; its cells do not wrap either
        for row in rows:
            mark, name, host, elapsed, detail = self._cells(row)
            grid.add_row(*([mark, name, host, elapsed, detail] if many else [mark, name, elapsed, detail]))
            if row is self.board.latest and row.running:
                for line in row.tail:
                    grid.add_row(*[""] * (4 if many else 3), _narrow(Text(line, style="dim")))
        return grid

    def _cells(self, row: Row) -> list[Text]:
        now = self.board.clock()
        if row.running:
            mark = Text(SPINNER[int(now * FRAMES) % len(SPINNER)], style="cyan")
        else:
            mark = Text(*MARKS.get(row.state, MARKS["done"]))
        quiet = "dim" if row.state in IDLE else ""
        elapsed = "" if row.state in IDLE else text.took(row.elapsed(now))
        return [
            mark,
            Text(row.step, style=quiet),
            Text(row.host or "", style="dim"),
            Text(elapsed, style="dim"),
            _narrow(self._says(row)),
        ]

    def _says(self, row: Row) -> Text:
        said = Text(row.says(), style="dim" if row.state in {"running", *IDLE} else "")
        if row.running and row.total and self.console.width >= WIDE:
            full = round(BAR * min(1.0, row.done / row.total))
            return Text.assemble(("━" * full, "cyan"), ("━" * (BAR - full), "dim"), " ", said)
        return said


def _narrow(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _to_hide(rows: list[Row], room: int) -> int:
    """How many of the first rows to leave out so that the running ones are seen: only ended ones."""
    height = len(rows) + max((len(row.tail) for row in rows if row.running), default=0)
    ended = next(
        (position for position, row in enumerate(rows) if row.state in {"waiting", "running"}), len(rows)
    )
    return 0 if height <= room else min(ended, height - room + 1)
