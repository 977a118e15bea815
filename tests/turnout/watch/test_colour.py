"""Foreign lines on a terminal: colours, and nothing else that it would obey."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.watch.colour import coloured, plain

LINES = [
    ("plain", "plain"),
    ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m\x1b[0m"),
    ("\x1b[1;38;5;8mgrey", "\x1b[1;38;5;8mgrey\x1b[0m"),
    ("\x1b[38;2;255;0;10mrgb", "\x1b[38;2;255;0;10mrgb\x1b[0m"),
    ("\x1b[4:3mcurly", "\x1b[4:3mcurly\x1b[0m"),
    ("\x1b[31;8mhidden", "\x1b[31mhidden\x1b[0m"),  # concealed text is shown
    ("\x1b[8mhidden", "hidden"),
    ("\x1b[2J\x1b[Hgone", "gone"),
    ("\x1b]8;;https://evil\x1b\\link\x1b]8;;\x1b\\", "link"),  # OSC 8: an address behind words
    ("\x1b]52;c;cm0gLXJm\x07copied", "copied"),  # OSC 52: the clipboard
    ("\x1b]0;title", "0;title"),  # unfinished: what follows stays to be seen
    ("a\x1b[3", "a3"),
    ("1mb", "1mb"),
    ("a\x1b", "a"),
    ("a\x9b31mb\x9d52;c;x\x9c", "a�31mb�52;c;x�"),  # the same as single bytes (C1)
    ("real\rfake", "real�fake"),  # a lone CR would write over what stands there
    ("a\bb\x07\x00", "a�b��"),
    ("\x1bPq#0\x1b\\sixel", "sixel"),
    ("\x1bcreset", "reset"),
    ("safe \u202egnp.exe", "safe �gnp.exe"),
]


@pytest.mark.parametrize("line, shown", LINES)
def test_colours_stay_and_the_rest_is_made_harmless(line: str, shown: str) -> None:
    """Cursor, title, clipboard, links, C1, lone CR, direction: nothing of it reaches the terminal."""
    assert coloured(line) == shown
    assert plain(line) == re.sub(r"\x1b\[[0-9;:]*m", "", shown)


TEXT = st.text(st.sampled_from("\x1b[]m;:08 31Jc\\\x07\x9b\x9d\r\n\tx�P"), max_size=40)


@given(TEXT, TEXT)
def test_no_split_makes_a_sequence(first: str, second: str) -> None:
    """A sequence that comes in two pieces is none: only whole colours are ever printed, and no line ends coloured."""
    printed = coloured(first) + coloured(second)
    left = re.sub(r"\x1b\[[0-9;:]*m", "", printed)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", left)
    painted = re.findall(r"\x1b\[[0-9;:]*m", printed)
    assert not painted or painted[-1] == "\x1b[0m"
    assert not any(
        "8" in re.split("[;]", one[2:-1]) and "38" not in one and "48" not in one for one in painted
    )
