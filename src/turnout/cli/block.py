"""The clear block that every failure ends in: what, where, why, what is so now, what to type next."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from turnout import text
from turnout.errors import TurnoutError, UsageError

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Block:
    """The parts of the block; all of it is made harmless when it is printed."""

    message: str
    where: str = ""
    why: tuple[str, ...] = ()
    state: str = ""
    remedy: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: TurnoutError) -> Block:
        """The block of an error that the runner has not seen: a usage error ends a command before it did anything."""
        return cls(
            error.message,
            _where(error.where, error.host, error.step),
            tuple(error.why),
            error.state or ("nothing was done" if isinstance(error, UsageError) else ""),
            tuple(error.remedy),
        )

    @classmethod
    def of_event(cls, error: Mapping[str, Any]) -> Block:
        """The block of the `error` that a deployment.finished event carries."""
        where = _where(*(str(error.get(key) or "") for key in ("where", "host", "step")))
        return cls(
            str(error.get("message") or "it failed"),
            where,
            _many(error.get("why")),
            str(error.get("state") or ""),
            _many(error.get("remedy")),
        )

    def rows(self) -> Iterable[tuple[str, str, str]]:
        """Mark or label, style, and text of each line; the same with and without colours."""
        first, *rest = text.lines(self.message)
        yield "✗", "bold red", first
        parts = [
            ("", "", rest),
            ("where", "", [self.where] if self.where else []),
            ("why", "dim", self.why),
            ("now", "", [self.state] if self.state else []),
            ("do", "bold", self.remedy),
        ]
        for label, style, entries in parts:
            whole = [line for entry in entries for line in text.lines(entry) if line.strip()]
            for number, line in enumerate(whole):
                yield "" if number else label, style, line


def _where(where: str, host: str, step: str) -> str:
    return ", ".join(
        part for part in (where, host if host not in where else "", f"step {step}" if step else "") if part
    )


def _many(value: object) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return (
        (value,)
        if isinstance(value, str)
        else tuple(map(str, value))
        if isinstance(value, list | tuple)
        else (str(value),)
    )


def wants_color(stream: TextIO) -> bool:
    """Whether colours and movement are welcome: a terminal that can, and no NO_COLOR."""
    return (
        stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in {"", "dumb"}
    )


def show(block: Block, stream: TextIO | None = None) -> None:
    """Print the block to `stream`, by default stderr. Lines are not wrapped, so that they can be copied."""
    stream = stream or sys.stderr
    if wants_color(stream):
        from rich.console import Console

        paint(block, Console(file=stream, highlight=False))
        return
    for label, _, line in block.rows():
        print(_line(label, line), file=stream)
    stream.flush()


def paint(block: Block, console: Console) -> None:
    """Print the block to a rich console."""
    from rich.text import Text

    for label, style, line in block.rows():
        whole = Text(_line(label, line), style="" if label == "✗" else style)
        whole.stylize(
            "bold red" if label == "✗" else "not bold not dim cyan", 0, len(label) + 2 if label else 0
        )
        if label == "✗":
            whole.stylize("bold", 2)
        console.print(whole, soft_wrap=True)


def _line(label: str, line: str) -> str:
    return f"✗ {line}" if label == "✗" else f"  {label:<6} {line}".rstrip()
