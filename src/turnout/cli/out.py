"""Lines for people, on stderr: coloured on a terminal, the same words without colours elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from turnout import text
from turnout.cli.block import wants_color

Line = tuple[str, str]
"""A style of rich's ("" for none), and the text."""


def say(lines: Iterable[Line], stream: TextIO | None = None) -> None:
    """Print lines, made harmless, never wrapped."""
    stream = stream or sys.stderr
    if wants_color(stream):
        from rich.console import Console
        from rich.text import Text

        console = Console(file=stream, highlight=False)
        for style, line in lines:
            console.print(Text(text.harmless(line), style=style), soft_wrap=True)
        return
    for _, line in lines:
        print(text.harmless(line), file=stream)
    stream.flush()


def columns(rows: Sequence[Sequence[str]], indent: str = "", right: Sequence[int] = ()) -> list[str]:
    """Rows as aligned columns; those numbered in `right` end together, the others begin together."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    aligned = [
        [
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    return [(indent + "  ".join(row)).rstrip() for row in aligned]


def shown(value: object) -> str:
    """A value, or a dash where there is none."""
    return "-" if value is None or value == "" else str(value)
