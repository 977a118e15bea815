"""Geometry of the page's charts: values become rectangles; the template writes them as inline SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from turnout import text
from turnout.report import figures
from turnout.report.figures import BUDGETS, Row, Spread

WIDTH = 720.0
"""Units of a chart's own width; the page scales it."""
HEIGHT = 150.0
NARROW = 240.0
"""The same for a chart in a table's cell: about its pixels, so that lines and dots keep their size."""
WIDEST_BAR = 34.0


@dataclass(frozen=True)
class Box:
    """A rectangle; `kind` is its class in the page's style, `says` is what it shows when pointed at."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    says: str


@dataclass(frozen=True)
class Range:
    """One step: from the fastest to the slowest, with its median and the newest, in units of NARROW."""

    name: str
    low: float
    high: float
    median: float
    last: float


def columns(rows: Sequence[Row]) -> tuple[list[Box], float]:
    """A column a deployment, its phases on top of each other; and the seconds that the whole height stands for."""
    took = [sum(_parts(row).values()) for row in rows]
    top = _nice(max(took, default=1.0))
    boxes = []
    for number, row in enumerate(rows):
        y = HEIGHT
        for name, seconds in _parts(row).items():
            high = seconds / top * HEIGHT
            y -= high
            says = f"{_name(row)}: {name} {text.took(seconds)} of {text.took(took[number])}"
            x, width = _place(number, len(rows))
            boxes.append(Box(x, y, width, high, f"phase-{name}", says))
    return boxes, top


def _parts(row: Row) -> dict[str, float]:
    found = {budget.phase: figures.phase(row, budget) for budget in BUDGETS}
    return {name: seconds for name, seconds in found.items() if seconds}


def bytes_sent(rows: Sequence[Row]) -> tuple[list[Box], float]:
    """A column a deployment on a logarithmic scale: the first one sends thousands of times what a change does."""
    top = max((math.log10(max(1.0, float(row["bytes_sent"] or 0))) for row in rows), default=1.0) or 1.0
    boxes = []
    for number, row in enumerate(rows):
        sent = float(row["bytes_sent"] or 0)
        high = math.log10(max(1.0, sent)) / top * HEIGHT
        says = f"{_name(row)}: {text.size(sent)}"
        x, width = _place(number, len(rows))
        boxes.append(Box(x, HEIGHT - high, width, high, "sent", says))
    return boxes, 10**top


def ranges(steps: Mapping[str, Spread]) -> list[Range]:
    """A line a step, all on one scale."""
    top = max((spread.high for spread in steps.values()), default=0.0) or 1.0
    scale = NARROW / top
    return [
        Range(name, one.low * scale, one.high * scale, one.median * scale, one.last * scale)
        for name, one in steps.items()
    ]


def shares(parts: Mapping[str, float]) -> list[Box]:
    """One bar whose pieces are parts of a whole."""
    total = sum(parts.values()) or 1.0
    boxes, x = [], 0.0
    for name, value in parts.items():
        width = value / total * WIDTH
        boxes.append(Box(x, 0.0, width, 14.0, f"disk-{name}", f"{name}: {text.size(value)}"))
        x += width
    return boxes


def _place(number: int, count: int) -> tuple[float, float]:
    """Left edge and width of a column."""
    slot = WIDTH / max(1, count)
    width = min(WIDEST_BAR, slot * 0.7)
    return number * slot + (slot - width) / 2, width


def _name(row: Row) -> str:
    return f"{row['release'] or row['deployment']} {row['result']}"


def _nice(value: float) -> float:
    """The next round number: 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999))
