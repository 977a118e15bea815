"""Foreign log lines on a terminal: colours stay, everything else that a terminal would obey is made harmless."""

from __future__ import annotations

import re

from turnout.text import harmless

_SEQUENCES = re.compile(
    r"\x1b\[([0-9;:]*)m"  # a colour; its numbers are the group
    r"|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\"  # others, whole
    r"|\x1b[ -/]*[0-~]?"  # the beginning of one that does not end here: what follows stays to be seen
)
_NUMBERS = re.compile(r"(?:38|48|58)[;:](?:5[;:]\d{1,3}|2[;:](?:\d*[;:]){2,3}\d{1,3})|\d{1,3}(?::\d{1,3})?")
CONCEALED = "8"
"""The one colour that is not kept: it hides text."""
RESET = "\x1b[0m"


def coloured(line: str) -> str:
    """The line with its colours, which never reach beyond its end."""
    parts, at, painted = [], 0, False
    for match in _SEQUENCES.finditer(line):
        parts.append(harmless(line[at : match.start()]))
        at = match.end()
        colour = "" if match[1] is None else _colour(match[1])
        painted = painted or bool(colour)
        parts.append(colour)
    parts.append(harmless(line[at:]))
    return "".join(parts) + (RESET if painted else "")


def plain(line: str) -> str:
    """The line without its colours."""
    return harmless(_SEQUENCES.sub("", line))


def _colour(numbers: str) -> str:
    kept = [one for one in _NUMBERS.findall(numbers) if one != CONCEALED]
    return f"\x1b[{';'.join(kept)}m" if kept or not numbers else ""
