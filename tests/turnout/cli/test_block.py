"""The clear block."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout import text
from turnout.cli.block import Block, show
from turnout.errors import SurveyRefused, TurnoutError

from .conftest import Terminal

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
DANGEROUS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def error() -> TurnoutError:
    made = SurveyRefused(
        "not enough disk for this release",
        why=["free: 12 MB, needed: 80 MB", "a very long line " + "x" * 200],
        remedy=["turnout releases production", "df -h /srv"],
        state="v1 serves, as before",
    )
    made.host, made.step = "deploy@a", "survey"
    return made


WANTED = f"""\
✗ not enough disk for this release
  where  deploy@a, step survey
  why    free: 12 MB, needed: 80 MB
         a very long line {"x" * 200}
  now    v1 serves, as before
  do     turnout releases production
         df -h /srv
"""


def test_what_where_why_now_do() -> None:
    """All parts are there, each line whole so that it can be copied."""
    stream = io.StringIO()
    show(Block.of(error()), stream)
    assert stream.getvalue() == WANTED


def test_a_terminal_gets_the_same_words() -> None:
    """Colours add nothing and take nothing away."""
    stream = Terminal()
    show(Block.of(error()), stream)
    assert "\x1b[" in stream.getvalue()
    assert ESCAPE.sub("", stream.getvalue()) == WANTED


def test_an_event_carries_the_same_block() -> None:
    """The error of deployment.finished gives the block of the error it was made from; strangers do no harm."""
    made = error()
    facts = {
        key: getattr(made, key) for key in ("message", "where", "why", "remedy", "state", "host", "step")
    }
    assert Block.of_event(facts) == Block.of(made)
    assert Block.of_event({"why": None, "remedy": "one", "host": None}).remedy == ("one",)


@given(st.text(st.characters(), max_size=40), st.text(max_size=40))
def test_nothing_from_afar_is_obeyed(message: str, why: str) -> None:
    """Whatever a host sends, no control character, escape or change of direction reaches the terminal."""
    stream = io.StringIO()
    show(Block(message + "\x1b]0;title\x07\x1b[2Jok\x9b1m", why=("\u202e" + why,)), stream)
    assert not DANGEROUS.search(stream.getvalue().replace("\n", ""))


@pytest.mark.parametrize(
    "raw, lines",
    [
        ("a\x1b[31mb\x1b[0m", ["ab"]),
        ("10%\r50%\r100%\r", ["100%"]),
        ("one\r\ntwo", ["one", "two"]),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", ["link"]),
        ("tab\there", ["tab    here"]),
        ("bell\x07", ["bell\N{REPLACEMENT CHARACTER}"]),
    ],
)
def test_foreign_text(raw: str, lines: list[str]) -> None:
    """Colours go, progress that overwrote itself becomes its last state, the rest is replaced."""
    assert text.lines(raw) == lines


@pytest.mark.parametrize(
    "count, shown",
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (61_234, "61 kB"),
        (999_400, "999 kB"),
        (999_600, "1.0 MB"),
        (1_370_000, "1.4 MB"),
        (12e9, "12 GB"),
        (3e15, "3000 TB"),
    ],
)
def test_sizes(count: float, shown: str) -> None:
    """Bytes in steps of 1000."""
    assert text.size(count) == shown


@pytest.mark.parametrize(
    "seconds, shown",
    [(0, "0.0 s"), (6.14, "6.1 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3725, "1 h 2 min")],
)
def test_times(seconds: float, shown: str) -> None:
    """Times as people say them."""
    assert text.took(seconds) == shown


@pytest.mark.parametrize(
    "seconds, shown", [(-3, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (4e5, "4 days")]
)
def test_ages(seconds: float, shown: str) -> None:
    """Ages as people say them."""
    assert text.ago(seconds) == shown
