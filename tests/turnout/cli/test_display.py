"""The live display, fed with a recorded deployment."""

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from turnout.cli.display import LiveDisplay

from .conftest import BAD, GOOD, HOST, Clock, begin, end, sent, started

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def console(width: int, height: int = 40, color: bool = False) -> Console:
    system = "standard" if color else None
    return Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=True,
        color_system=system,
        highlight=False,
    )


def picture(display: LiveDisplay, width: int, height: int = 40) -> list[str]:
    """The display as it is drawn at this moment."""
    paper = console(width, height)
    paper.print(display.render())
    text = paper.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize("width", [30, 60, 100])
def test_no_picture_is_wider_than_the_terminal(width: int, play: Callable[..., None], clock: Clock) -> None:
    """At any moment and any width no line is wrapped and no step is lost."""
    display = LiveDisplay(console(width), clock)
    display._live.start = lambda *_: None  # type: ignore[method-assign, assignment]
    for until in range(1, len(GOOD)):
        play(GOOD[until - 1 : until], display.feed)
        lines = picture(display, width)
        assert all(len(line) <= width for line in lines)
        assert lines[0].split()[1] == "gate"
        output = [row.tail for row in display.board.rows if row.running]
        assert len(lines) == 8 + sum(map(len, output))


def test_a_running_build_shows_its_last_lines_and_an_upload_its_rate(
    play: Callable[..., None], clock: Clock
) -> None:
    """While a step runs its line says what it does: output for a build, bytes, rate and time left for an upload."""
    display = LiveDisplay(console(60), clock)
    display._live.start = lambda *_: None  # type: ignore[method-assign, assignment]
    play(GOOD[:6], display.feed)
    lines = picture(display, 60)
    assert lines[1].endswith("build     2.0 s")
    assert [line.strip() for line in lines[2:4]] == [
        "> tsc -p .",
        "src/app.ts: fine \N{REPLACEMENT CHARACTER}",
    ]
    play(GOOD[6:12], display.feed)
    assert picture(display, 60)[3].endswith("upload    2.0 s 24 MB of 61 MB · 12 MB/s · 3.1 s left")
    display.console = console(100)
    assert "━" * 16 + " 24 MB of 61 MB" in picture(display, 100)[3]


def test_the_whole_of_a_good_deployment(play: Callable[..., None], clock: Clock) -> None:
    """What stays on the screen: heading, every step with its time, notes, and the summary line."""
    paper = console(100)
    with LiveDisplay(paper, clock) as display:
        play(GOOD, display.feed)
    text = ESCAPE.sub("", paper.file.getvalue())  # type: ignore[attr-defined]
    assert text.startswith(f"deploy production on {HOST} (from VPS_HOST)\n")
    assert "✓ activate  1.2 s v2 is current" in text
    assert "  note  the working tree has uncommitted changes" in text
    assert text.rstrip().endswith("✓ v2 is live · 6.1 s · 61 kB sent · was v1")
    assert "\x1b[?25h" in paper.file.getvalue()  # type: ignore[attr-defined]  # the cursor is given back


def test_a_bad_deployment_ends_in_the_block(play: Callable[..., None], clock: Clock) -> None:
    """A failed step is marked, and the block says what, where, why, what is so now, and what to type."""
    paper = console(60)
    with LiveDisplay(paper, clock) as display:
        play(BAD, display.feed)
    text = ESCAPE.sub("", paper.file.getvalue())  # type: ignore[attr-defined]
    assert "✗ verify    2.0 s not healthy" in text
    for line in (
        "✗ v3 did not become healthy",
        f"  where  {HOST}, step verify",
        "  why    Error: Cannot find module 'x'",
        "  now    serves as before: v2",
        "  do     turnout logs production",
    ):
        assert line + "\n" in text
    assert "\x1b[2J" not in paper.file.getvalue()  # type: ignore[attr-defined]  # what a host sends is not obeyed


def test_steps_that_never_ran_do_not_look_as_if_they_were_still_to_come(
    play: Callable[..., None], clock: Clock
) -> None:
    """After the end nothing waits and nothing runs: it was not run, or it was stopped."""
    paper = console(60)
    with LiveDisplay(paper, clock) as display:
        play([*BAD[:-1], (0, begin("prune", HOST)), (1.5, BAD[-1][1])], display.feed)
    text = ESCAPE.sub("", paper.file.getvalue())  # type: ignore[attr-defined]
    last = text[text.rindex("✓ gate") :]
    assert re.search(r"^- notify +not run *$", last, re.MULTILINE)
    assert re.search(r"^✗ prune +1.5 s stopped *$", last, re.MULTILINE)
    assert "· " not in last.split("✗ v3")[0]


def test_each_of_several_hosts_has_its_line(play: Callable[..., None], clock: Clock) -> None:
    """With more than one host, a step has a line a host, and the host a column; a step of the deployer has one."""
    display = LiveDisplay(console(80), clock)
    display._live.start = lambda *_: None  # type: ignore[method-assign, assignment]
    script = [
        (0, started(["a@one", "a@two"])),
        (0, begin("gate")),
        (1, end("gate", 1.0, "fine")),
        (0, begin("upload", "a@one")),
        (0, begin("upload", "a@two")),
        (1, sent(1, 2, "a@two")),
        (0, end("upload", 1.0, "61 kB", host="a@one")),
    ]
    play(script, display.feed)
    lines = [line.split() for line in picture(display, 80)]
    assert lines[0][1:] == ["gate", "1.0", "s", "fine"]
    assert lines[3][1:] == ["upload", "a@one", "1.0", "s", "61", "kB"]
    assert lines[4][1:5] == ["upload", "a@two", "1.0", "s"]
    assert lines[5][1:] == ["activate"]


def test_a_low_terminal_still_shows_what_runs(play: Callable[..., None], clock: Clock) -> None:
    """Where the steps do not fit, the first ended ones make room."""
    display = LiveDisplay(console(60, height=9), clock)
    display._live.start = lambda *_: None  # type: ignore[method-assign, assignment]
    play(GOOD[:15], display.feed)
    lines = picture(display, 60, 9)
    assert lines[0] == "✓ 4 steps before"
    assert lines[1].split()[1] == "activate"
    assert len(lines) <= 9
