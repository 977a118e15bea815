"""Tables and sentences fit into the terminal that there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout import text
from turnout.cli import gauge
from turnout.cli.out import columns, fold

ROWS = [
    ["when", "what", "by", "subject"],
    ["13:05", "deploy", "ann@laptop", "Count views only once per visitor"],
]


@pytest.mark.parametrize(
    "room, said",
    [
        (0, "13:05  deploy  ann@laptop  Count views only once per visitor"),
        (60, "13:05  deploy  ann@laptop  Count views only once per visitor"),
        (45, "13:05  deploy  ann@laptop  Count views only…"),
        (35, "13:05  deploy  Count views only on…"),
        (24, "13:05  Count views only…"),
    ],
)
def test_columns_that_can_be_spared_go_before_the_last_one_is_too_short(room: int, said: str) -> None:
    """In the order that was given; without a terminal all stays."""
    assert columns(ROWS, room=room, spare=(2, 1))[1] == said


@given(
    st.lists(st.lists(st.text(max_size=30), min_size=4, max_size=4), min_size=1, max_size=4),
    st.integers(1, 90),
)
def test_no_line_of_a_table_is_wider_than_the_terminal(rows: list[list[str]], room: int) -> None:
    """Whatever stands in it, also where characters take two columns."""
    assert all(text.width(line) <= room for line in columns(rows, "  ", (1,), room, (2, 1)))


def test_wide_characters_keep_columns_in_line() -> None:
    """They take two columns each, a combining mark takes none."""
    assert columns([["日本", "x"], ["abcd", "y"], ["e\u0301", "z"]]) == [
        "日本  x",
        "abcd  y",
        "e\u0301     z",
    ]


def test_a_long_sentence_goes_on_behind_its_label() -> None:
    """Or behind its indent; a word that does not fit is broken, nothing is lost."""
    lines = [
        ("red", "  drift      files were changed by hand"),
        ("", "    one two three four five"),
        ("", "x" * 45),
    ]
    assert list(fold(lines, 24)) == [
        ("red", "  drift      files were"),
        ("red", "             changed by"),
        ("red", "             hand"),
        ("", "    one two three four"),
        ("", "    five"),
        ("", "x" * 24),
        ("", "  " + "x" * 21),
    ]
    assert list(fold(lines, 0)) == lines
    assert [line for _, line in fold([("", "✓ a · one two · three")], 16)] == ["✓ a · one two ·", "  three"]


@pytest.mark.parametrize("room", [60, 80, 120, 200])
def test_the_figures_of_monit_fit(room: int) -> None:
    """At any width every value has its line of bars: beside it where there is room, else below."""
    process = {
        "id": 0,
        "name": "blue-video-backend",
        "pid": 3691,
        "status": "online",
        "restarts": 1,
        "uptime": 9.0,
    }
    host = gauge.Gauge("deploy@203.0.113.5")
    for number in range(40):
        process |= {"cpu": number, "memory": 1e6 * number, "seconds": number / 1000}
        host.take({"ok": True, "release": "v1", "seconds": 0.1, "reason": "", "processes": [dict(process)]})

    lines = [line for _, line in gauge.lines([host], room)]

    assert all(text.width(line) <= room for line in lines)
    assert "\n".join(lines).count("█") >= 3
    assert "answers in" in "\n".join(lines)
