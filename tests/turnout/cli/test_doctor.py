from __future__ import annotations

import pytest

from turnout.cli import doctor
from turnout.doctor.finding import Finding, Place

AT = Place("deploy@203.0.113.5", 23)
GOOD = AT.ok("disk", "40.0 GB free")
WARNING = AT.warn("boot", "nothing would start the app again", ["do this", "or that"], ["no cron"])
PROBLEM = AT.problem("dotenv", "a long message " * 6, ["scp .env " + "x" * 90], ["because " * 12])


def test_a_line_for_each_check() -> None:
    """What is not well stands in its place with a pointer, so that no check seems to be missing."""
    assert list(doctor.listed([GOOD, WARNING, PROBLEM])) == [
        ("dim", "✓ disk          40.0 GB free"),
        ("yellow", "! boot          see below"),
        ("bold red", "✗ dotenv        see below"),
    ]


def test_problems_come_last() -> None:
    """Where people look first; then only the count."""
    marks = [line[0] for _, line in doctor.ending([PROBLEM, GOOD, WARNING], 80) if line[:1] in {"!", "✗"}]
    assert marks == ["!", "✗", "✗"]


def test_prose_is_wrapped_and_what_one_copies_is_not() -> None:
    """80 columns, but for the remedy."""
    lines = [line for _, line in doctor.block(PROBLEM, 80)]
    assert [line for line in lines if len(line) > 80] == ["  do     scp .env " + "x" * 90]
    assert " ".join(" ".join(lines).split()).count("because") == 12


@pytest.mark.parametrize(
    "findings,line",
    [
        ([GOOD], ("green", "✓ 1 check is well")),
        ([GOOD, GOOD, WARNING], ("yellow", "! 2 checks are well · 1 warning")),
        ([GOOD, WARNING, WARNING, PROBLEM], ("bold red", "✗ 1 check is well · 2 warnings · 1 problem")),
    ],
)
def test_the_count(findings: list[Finding], line: tuple[str, str]) -> None:
    """It has the mark of the worst."""
    assert doctor.count(findings) == line


def test_foreign_text_is_harmless() -> None:
    """An answer of a host may hold what a terminal obeys."""
    bad = AT.problem("x", "a\x1b[2Jb", ["\x1b]0;title\x07do"], ["c\x1b[31m"])
    assert not [line for _, line in doctor.block(bad, 80) if "\x1b" in line]
