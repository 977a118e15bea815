"""Commands that the host program runs to their end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.site import until
from turnout_host import children, output, proc


def run(tmp_path: Path, text: str, **how: object) -> tuple[children.Finished, list[str]]:
    """A shell's ending, and every line that it and what it started wrote."""
    lines: list[str] = []
    env = {"PATH": os.environ["PATH"]}
    return children.run(["/bin/sh", "-c", text], tmp_path, env, lines.append, **how), lines  # type: ignore[arg-type]


def test_the_lines_of_both_streams_and_the_status(tmp_path: Path) -> None:
    """Lines come in order, the last one also without its end; a tail keeps the last of them."""
    ended, lines = run(
        tmp_path, "for i in $(seq 100); do echo $i; done; echo oops >&2; printf 'half\\r'; exit 3"
    )
    assert ended.status == 3
    assert lines == [*map(str, range(1, 101)), "oops", "half"]
    assert ended.tail == lines[-children.TAIL :]


def test_what_a_command_leaves_running_does_not_hold_us_up(tmp_path: Path) -> None:
    """A daemon that a migration or a backup starts keeps the pipe open for as long as it lives."""
    ended, lines = run(tmp_path, "echo before; sleep 8 & echo $!; exit 0")
    sleeper = int(lines[1])
    try:
        assert proc.alive(sleeper), "we waited for it"
        assert (ended.status, lines[0]) == (0, "before")
    finally:
        os.kill(sleeper, 9)
    assert children._running == {}


def test_a_lot_of_output_at_the_end_is_read_whole(tmp_path: Path) -> None:
    """More than a pipe holds, while something else still holds the pipe."""
    ended, lines = run(tmp_path, "sleep 8 & echo $!; seq 200000; exec echo last")
    os.kill(int(lines[0]), 9)
    assert (ended.status, len(lines), lines[-1]) == (0, 200_002, "last")


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    """Some tools print a whole bundle as one line."""
    _, lines = run(tmp_path, "head -c 3000000 /dev/zero | tr '\\0' x")
    assert sum(map(len, lines)) == 3_000_000
    assert max(map(len, lines)) <= output.LINE


def test_a_command_that_must_end(tmp_path: Path) -> None:
    """Its whole group is killed, and what it had said is there."""
    said = tmp_path / "said"
    ended, lines = run(tmp_path, f"echo one; touch {said}; sleep 600", stop=said.exists)
    assert (ended.status, lines) == (-9, ["one"])
    assert run(tmp_path, "sleep 600", timeout=0.1)[0].status == -9


WATCHED = """
import sys
from pathlib import Path
from turnout_host import children
children.run(["/bin/sh", "-c", sys.argv[1]], Path(sys.argv[2]), {"PATH": "/usr/bin:/bin"}, print, finish=True)
"""


def test_a_command_that_must_finish_survives_who_reads_it(tmp_path: Path) -> None:
    """Our process is killed while a migration is at work; what it writes afterwards is no reason to die half way."""
    gate, whole = tmp_path / "gate", tmp_path / "whole"
    os.mkfifo(gate)
    text = f"echo begun; cat {gate}; seq 100000; /bin/echo more && touch {whole}"
    reader = subprocess.Popen([sys.executable, "-c", WATCHED, text, str(tmp_path)], stdout=subprocess.DEVNULL)
    with gate.open("w"):  # opens when the command reads from it
        reader.kill()
        reader.wait()
    until(whole.exists)


def test_all_that_a_command_which_must_finish_wrote(tmp_path: Path) -> None:
    """Also what came in one go at its end, and of what it started."""
    ended, lines = run(tmp_path, "echo one; (echo two); seq 200000; echo last >&2; exit 3", finish=True)
    assert (ended.status, lines[:2], len(lines), lines[-1]) == (3, ["one", "two"], 200_003, "last")
    assert children._running == {}
