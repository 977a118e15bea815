"""Texts for people: sizes, times, and foreign text made harmless."""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def harmless(text: str) -> str:
    """One line of foreign text without anything that a terminal would obey (colours, cursor, title, direction)."""
    return _CONTROL.sub(
        "\N{REPLACEMENT CHARACTER}", _ESCAPES.sub("", text.rstrip("\r\n")).replace("\t", "    ")
    )


def lines(text: str) -> list[str]:
    """The harmless lines of a foreign text; of a line that overwrote itself, the last version."""
    return [harmless(line.rstrip("\r").rsplit("\r", 1)[-1]) for line in text.split("\n")]


def width(text: str) -> int:
    """Columns that a text takes on a terminal: characters of East Asia take two, marks on others none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def padded(text: str, columns: int, right: bool = False) -> str:
    """The text with spaces behind it, or in front of it, so that it takes so many columns."""
    space = " " * (columns - width(text))
    return space + text if right else text + space


def cut(text: str, columns: int) -> str:
    """The text, ended by `…` where it takes more columns."""
    if width(text) <= columns:
        return text
    while text and width(text) >= columns:
        text = text[:-1]
    return text.rstrip() + "…"


def size(count: float) -> str:
    """Bytes as people read them, in steps of 1000: `61 kB`, `1.4 MB`."""
    if count < 1000:
        return f"{count:.0f} B"
    units = ["kB", "MB", "GB", "TB"]
    count /= 1000
    while count >= 999.5 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.1f} {units[0]}" if count < 9.95 and units[0] != "kB" else f"{count:.0f} {units[0]}"


def took(seconds: float) -> str:
    """A time that something took: `0.3 s`, `12 s`, `2 min 3 s`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
    )


def ago(seconds: float) -> str:
    """How long something has been so: `5 s`, `12 min`, `3 h`, `4 days`."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds // unit))} {name}"
    return f"{int(seconds // 86400)} days"


def progress(done: int, total: int, rate: float) -> str:
    """An upload: `12 MB of 61 MB · 8.1 MB/s · 6 s left`; parts that are not known yet are left out."""
    parts = [f"{size(done)} of {size(total)}" if total else size(done)]
    if rate > 0:
        parts.append(f"{size(rate)}/s")
        if total > done:
            parts.append(f"{took((total - done) / rate)} left")
    return " · ".join(parts)
