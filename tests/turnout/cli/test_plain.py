"""Displays without a terminal: plain lines, only the end, JSON."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable

from turnout.cli.jsonlines import JsonLines
from turnout.cli.plain import Plain
from turnout.cli.quiet import Quiet

from .conftest import BAD, GOOD, Clock, Script, Terminal, begin, finished, sent, started

GOOD_LINES = """\
deploy production on deploy@203.0.113.5 (from VPS_HOST)
     0.4 s gate      done: 0.4 s · 3f2a1bc45d is on main; v1 runs now
     1.9 s build     runs
     3.4 s build     done: 3.0 s · npm run build
     3.5 s package   reused: 0.1 s · 213 files, the same as before
     4.5 s upload    runs: 12 MB of 61 MB
     9.5 s upload    done: 6.0 s · 61 MB
      11 s activate  done: 1.2 s · v2 is current
      21 s verify    done: 10 s · 2 processes answer as v2
      21 s prune     skipped: 0.0 s · nothing to remove
      21 s notify    done: 0.0 s
note: the working tree has uncommitted changes
v2 is live · 6.1 s · 61 kB sent · was v1
"""


def test_one_line_a_step(play: Callable[..., None], clock: Clock) -> None:
    """A log shows each step once, a long one also when it runs, with the time since the start."""
    stream = io.StringIO()
    play(GOOD, Plain(stream, clock).feed)
    assert stream.getvalue() == GOOD_LINES


def test_a_long_upload_is_told_every_few_seconds(play: Callable[..., None], clock: Clock) -> None:
    """A hundred progress events become a line every five seconds; the clock's ticks alone suffice."""
    stream = io.StringIO()
    display = Plain(stream, clock)
    script: Script = [(0, started(["a@b"])), (0, begin("upload", "a@b"))]
    play(script + [(0.1, sent(number * 1000, 200_000)) for number in range(100)], display.feed)
    assert stream.getvalue().count("upload    runs") == 2
    clock.now += 10
    display.tick()
    assert stream.getvalue().count("upload    runs") == 3


def test_verbose_shows_output_made_harmless(play: Callable[..., None], clock: Clock) -> None:
    """-v shows what commands write, without what a terminal would obey."""
    stream = io.StringIO()
    play(GOOD, Plain(stream, clock, verbose=True).feed)
    assert "           | > tsc -p .\n" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_no_escape_codes_with_no_color(play: Callable[..., None], clock: Clock, monkeypatch: object) -> None:
    """With NO_COLOR even a terminal gets plain text, also in the block."""
    os.environ["NO_COLOR"] = "1"
    try:
        stream = Terminal()
        play(BAD, Plain(stream, clock).feed)
        play(BAD, Quiet(stream).feed)
    finally:
        del os.environ["NO_COLOR"]
    assert "\x1b" not in stream.getvalue()
    assert "✗ v3 did not become healthy" in stream.getvalue()


def test_quiet_says_only_how_it_ended(play: Callable[..., None]) -> None:
    """-q leaves notes and the summary."""
    stream = io.StringIO()
    play(GOOD, Quiet(stream).feed)
    assert stream.getvalue() == "".join(GOOD_LINES.splitlines(keepends=True)[-2:])


def test_nothing_to_do_says_why(play: Callable[..., None]) -> None:
    """An unchanged deployment says its reason."""
    stream = io.StringIO()
    play(
        [(0, finished("unchanged", 0, reason="v1 is this already", bytes_sent=0, seconds=0.8))],
        Quiet(stream).feed,
    )
    assert stream.getvalue() == "nothing to do: v1 is this already · 0.8 s\n"


def test_each_event_is_a_line_of_json(play: Callable[..., None]) -> None:
    """--json writes every event to stdout, and people get nothing but the block."""
    out, err = io.StringIO(), io.StringIO()
    play(BAD, JsonLines(out, err).feed)
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(BAD) + 1))
    assert all({"v", "ts", "type", "deployment", "environment"} <= set(event) for event in events)
    assert events[-1] | {"ts": 0} == {
        "v": 1,
        "ts": 0,
        "seq": len(BAD),
        "deployment": "d1",
        "environment": "production",
        **BAD[-1][1],
    }
    assert err.getvalue().splitlines()[0] == "✗ v3 did not become healthy"


def test_a_reader_that_goes_away_does_no_harm() -> None:
    """When the program that reads our JSON ends, the deployment goes on and its exit code is its own."""
    code = """
import sys
from turnout.cli.jsonlines import write
sys.stdin.readline()
for number in range(3):
    write({"n": number})
sys.exit(23)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.close()
    _, error = process.communicate(b"go\n", timeout=60)
    assert (process.returncode, error) == (23, b"")
