"""Lines for people, on stderr: coloured on a terminal, the same words without colours elsewhere."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
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


ROOM = 12
"""Characters that the last column of a table has at least, or all that it needs."""


def width(stream: TextIO | None = None) -> int:
    """Columns of the terminal; 0 where there is none, and nothing is cut or folded then."""
    stream = stream or sys.stderr
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        return 0


def columns(
    rows: Sequence[Sequence[str]],
    indent: str = "",
    right: Sequence[int] = (),
    room: int = 0,
    spare: Sequence[int] = (),
) -> list[str]:
    """Rows as aligned columns; those numbered in `right` end together, the others begin together.

    With `room` (columns of the terminal) those in `spare` go, in this order, until there is room; the last one is cut.
    """
    widths = [max(map(text.width, column)) for column in zip(*rows, strict=True)]
    kept = list(range(len(widths)))
    for at in spare if room else ():
        *fixed, last = kept
        if text.width(indent) + sum(widths[one] + 2 for one in fixed) + min(ROOM, widths[last]) > room:
            kept.remove(at)
    aligned = [
        [text.padded(row[at], widths[at], at in right) for at in kept[:-1]] + [row[kept[-1]]] for row in rows
    ]
    if kept[-1] in right:
        aligned = [[*row[:-1], text.padded(row[-1], widths[kept[-1]], True)] for row in aligned]
    lines = [(indent + "  ".join(row)).rstrip() for row in aligned]
    return [text.cut(line, room) for line in lines] if room else lines


_LABEL = re.compile(r" *(?:\w+ {2,})?")


def fold(lines: Iterable[Line], room: int) -> Iterator[Line]:
    """Lines that are longer than `room` go on below, behind their label; 0 leaves them."""
    for style, line in lines:
        if not room or text.width(line) <= room:
            yield style, line
            continue
        label = _LABEL.match(line)
        hang = " " * max(2, label.end() if label else 0)
        glued = line.replace(" · ", "\N{NO-BREAK SPACE}· ")  # no line begins with the dot
        for part in textwrap.wrap(glued, room, subsequent_indent=hang, break_on_hyphens=False):
            yield style, part.replace("\N{NO-BREAK SPACE}", " ")


def named(host: str, problem: str) -> str:
    """Why a host could not be asked, with its name once."""
    return problem if host in problem else f"{host} · {problem}"


def shown(value: object) -> str:
    """A value, or a dash where there is none."""
    return "-" if value is None or value == "" else str(value)
