"""Charts as SVG, made by hand: bars that are compared, and how something grows. Pure functions of figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, LABEL, ROW, HEAD, FOOT = 760, 190, 22, 44, 12
COLOURS = ("#1f6f8b", "#c8553d", "#e0a458", "#8a8f98", "#6b8f71")
STYLE = "text{font:13px sans-serif;fill:#222}.head{font-size:15px;font-weight:600}.small{font-size:11px;fill:#555}"
Texts = Callable[[float], str]


def bars(title: str, groups: Mapping[str, Mapping[str, float]], says: Texts, *, log: bool = False) -> str:
    """A bar for each value, grouped; the same name has the same colour in all groups."""
    names = list(dict.fromkeys(name for values in groups.values() for name in values))
    top = max((value for values in groups.values() for value in values.values()), default=1.0) or 1.0
    drawn, y = [], HEAD
    for group, values in groups.items():
        if group:
            drawn.append(_text(8, y + 15, group))
            y += ROW
        for name, value in values.items():
            width = share(value, top, log) * (WIDTH - LABEL - 110)
            colour = COLOURS[names.index(name) % len(COLOURS)]
            drawn.append(_text(LABEL - 8, y + 15, name, anchor="end"))
            drawn.append(
                f'<rect x="{LABEL}" y="{y + 3}" width="{max(1.0, width):.1f}" height="{ROW - 6}" fill="{colour}"/>'
            )
            drawn.append(_text(LABEL + width + 6, y + 15, says(value)))
            y += ROW
        y += 6
    return _whole(title + (" (logarithmic)" if log else ""), y + FOOT, drawn)


def share(value: float, top: float, log: bool) -> float:
    """Of the whole length; on a logarithmic scale a thousandth of a thousandth of the top has none."""
    if value <= 0:
        return 0.0
    return max(0.0, 1 + math.log10(value / top) / 6) if log else value / top


def lines(title: str, series: Mapping[str, Sequence[tuple[float, float]]], across: Texts, says: Texts) -> str:
    """A line for each series, both scales logarithmic: what grows in proportion rises by 45 degrees."""
    points = [point for line in series.values() for point in line]
    left, right = _reach(x for x, _ in points)
    low, high = _reach(y for _, y in points)
    width, height = WIDTH - 90 - 150, 260

    def place(x: float, y: float) -> tuple[float, float]:
        part = (math.log10(x) - left) / (right - left), (math.log10(y) - low) / (high - low)
        return 90 + part[0] * width, HEAD + height - part[1] * height

    drawn = list(_grid(place, (left, right), (low, high), across, says))
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        spots = [place(*point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots]
        drawn.append(_text(spots[-1][0] + 8, spots[-1][1] + 4, name))
    return _whole(title, HEAD + height + 30, drawn)


def _grid(
    place: Callable[[float, float], tuple[float, float]],
    wide: tuple[int, int],
    high: tuple[int, int],
    across: Texts,
    says: Texts,
) -> Iterable[str]:
    bottom, top = 10.0 ** high[0], 10.0 ** high[1]
    for power in range(wide[0], wide[1] + 1):
        (x, y), (_, end) = place(10.0**power, bottom), place(10.0**power, top)
        yield f'<path d="M{x:.1f} {y:.1f}V{end:.1f}" stroke="#ddd"/>'
        yield _text(x, y + 18, across(10.0**power), anchor="middle")
    for power in range(high[0], high[1] + 1):
        (x, y), (end, _) = place(10.0 ** wide[0], 10.0**power), place(10.0 ** wide[1], 10.0**power)
        yield f'<path d="M{x:.1f} {y:.1f}H{end:.1f}" stroke="#ddd"/>'
        yield _text(x - 8, y + 4, says(10.0**power), anchor="end")


def _reach(values: Iterable[float]) -> tuple[int, int]:
    """The powers of ten around them."""
    known = [value for value in values if value > 0] or [1.0]
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    return low, max(high, low + 1)


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _whole(title: str, height: float, drawn: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
    paper = (
        f'<title>{escape(title)}</title><style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
    )
    name = f'<text class="head" x="8" y="24">{escape(title)}</text>'
    return "\n".join([head, paper, name, *drawn, "</svg>"]) + "\n"
