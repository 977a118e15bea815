"""What `logs`, `monit`, `history` and `health` put on the screen, and how they leave it."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.site import until
from turnout.cli import gauge, health, history, logs
from turnout.errors import Unreachable, UsageError
from turnout.model import Address
from turnout.watch.merge import Line
from turnout.watch.outside import Outside

A, B = "deploy@203.0.113.5", "deploy@203.0.113.6"
TURNOUT = Path(sys.executable).with_name("turnout")


def line(text: str, host: str = A, stream: str = "out") -> Line:
    return Line(host, 100.0, 100.0, stream, text)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


# logs


def test_a_line_of_one_host_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal colours go too, so that what reads on gets text."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert logs.Show([A], False).line(line("\x1b[31mred\x1b[0m \x1b[2J")) == "red \n"


def test_several_hosts_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line begins with its host."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    show = logs.Show([A, "b@c"], False)
    assert show.line(line("x")) == f"{A} │ x\n"
    assert show.line(line("x", "b@c")) == f"{'b@c':<{len(A)}} │ x\n"


def test_colours_are_kept_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what went to standard error is red where it has no colour of its own."""
    monkeypatch.setattr(sys, "stdout", Screen())
    show = logs.Show([A], False)
    assert show.line(line("\x1b[32mok\x1b[0m")) == "\x1b[32mok\x1b[0m\x1b[0m\n"
    assert show.line(line("bad", stream="err")) == "\x1b[31mbad\x1b[0m\n"


def test_json_has_the_line_as_it_was_written() -> None:
    """Programs get the raw text, in ASCII, so that no terminal obeys it either."""
    written = logs.Show([A, B], True).line(line("\x1b[31mred", B, "err"))
    assert written.isascii()
    assert json.loads(written) == {"host": B, "ts": 100.0, "stream": "err", "text": "\x1b[31mred"}


def test_hosts_are_chosen_by_name_or_address() -> None:
    """Both forms; one that is not there is refused with those that are."""
    hosts = [Address.parse(A), Address.parse(B)]
    assert logs.choose(hosts, []) == hosts
    assert logs.choose(hosts, ["203.0.113.6"]) == hosts[1:]
    assert logs.choose(hosts, [A]) == hosts[:1]
    with pytest.raises(UsageError) as refused:
        logs.choose(hosts, ["203.0.113.7"])
    assert refused.value.remedy == [f"--host {A}", f"--host {B}"]


# monit

SAMPLE: dict[str, Any] = {
    "ts": 1.0,
    "release": "v2",
    "ok": True,
    "reason": "",
    "seconds": 0.004,
    "processes": [
        {
            "name": "api",
            "id": 0,
            "pid": 4711,
            "status": "online",
            "cpu": 50.0,
            "memory": 61_000_000,
            "restarts": 1,
            "uptime": 7300.0,
            "seconds": 0.0042,
        }
    ],
    "machine": {
        "load": 0.5,
        "cpus": 2,
        "memory": {"total": 4e9, "available": 1e9},
        "disk": {"total": 40e9, "free": 12e9},
    },
}


@pytest.mark.parametrize(
    "values, least, bars",
    [
        ([], 0.0, ""),
        ([0.0, 0.0], 0.0, "▁▁"),
        ([1.0, 4.0, 8.0], 0.0, "▂▅█"),
        ([50.0, 100.0], 100.0, "▅█"),
        ([25.0], 100.0, "▃"),
        ([1.0, None, 1.0], 0.0, "█ █"),
    ],
)
def test_a_sparkline(values: list[float | None], least: float, bars: str) -> None:
    """Against the largest value, or against all of one processor; a gap where nothing was measured."""
    assert gauge.sparkline(values, least) == bars


def test_a_look_as_lines() -> None:
    """The host and its machine, then a line a process; with sparklines on the live screen."""
    one = gauge.Gauge(A)
    one.take(SAMPLE)
    one.take(SAMPLE)
    first, _, process = [text for _, text in gauge.lines([one])]
    assert (
        first
        == f"✓ {A} · v2 · 4 ms · load 0.50 of 2 · 1.0 GB of 4.0 GB memory free · 12 GB of 40 GB disk free"
    )
    assert process.split() == [
        "api",
        "0",
        "4711",
        "online",
        "50",
        "%",
        "61",
        "MB",
        "1",
        "2",
        "h",
        "4.2",
        "ms",
    ]
    assert "▅▅" in [text for _, text in gauge.lines([one], 200)][2]


def test_a_host_that_is_gone_says_so_and_keeps_its_figures() -> None:
    """The last ones stay to be seen, below why there are no newer ones."""
    one = gauge.Gauge(A)
    assert [text for _, text in gauge.lines([one])] == [f"! {A} · connecting"]
    one.take(SAMPLE)
    one.take(Unreachable("the link was lost"))
    style, text = gauge.headline(one)
    assert (style, "the link was lost" in text) == ("yellow", True)
    assert len(list(gauge.lines([one]))) == 3


def test_processes_that_are_gone_are_forgotten() -> None:
    """A scaled down app leaves no sparkline behind."""
    one = gauge.Gauge(A)
    one.take(SAMPLE)
    one.take(SAMPLE | {"processes": []})
    assert one.values == {}


# history and health


def test_history_is_a_line_a_deployment() -> None:
    """Who, what, how it ended and what it took; below it why, and what went wrong."""
    row = {
        "started": time.mktime((2026, 11, 25, 13, 5, 0, 0, 0, -1)),
        "command": "deploy",
        "urgent": True,
        "why": "payments are down",
        "previous": "v1",
        "release": "v2",
        "result": "reverted",
        "seconds": 9.5,
        "bytes_sent": 6123,
        "by": "ann@laptop",
        "revision": "3f2a1bc45d3f2a",
        "subject": "Greet \x1b[2J",
        "step": "verify",
        "reason": "status 500",
        "steps": {"build": 3.0, "upload": 0.2},
        "hosts": {A: {"result": "reverted"}, B: {"result": "succeeded"}},
    }
    said = [text for _, text in history.screen([row], verbose=True)]
    ended = ["reverted", "9.5 s", "6 kB", "ann@laptop", "3f2a1bc45d", "Greet"]
    assert said[1].split("  ") == ["2026-11-25 13:05", "deploy urgent", "v1 → v2", *ended]
    assert said[2:] == [
        "    because payments are down",
        "    verify: status 500",
        f"    {A} reverted, {B} succeeded",
        "    build 3.0 s · upload 0.2 s",
    ]
    assert [text for _, text in history.screen([])] == ["no deployment yet"]


def test_health_from_outside_is_a_line() -> None:
    """Status, time, address, and how long the certificate is good for."""
    good = Outside("https://api.example.com/health", True, 200, 0.031, expires=1000.0 + 80 * 86400)
    assert [text for _, text in health.outside_lines(good, 1000.0)] == [
        "✓ from here · 200 in 31 ms · https://api.example.com/health · certificate for 80 days"
    ]
    soon = Outside("https://api.example.com/health", True, 200, 0.031, expires=1000.0 + 3 * 86400)
    assert list(health.outside_lines(soon, 1000.0))[1] == ("yellow", "    the certificate ends in 3 days")
    bad = Outside("http://api.example.com/health", reason="the connection was refused")
    assert [text for _, text in health.outside_lines(bad, 0)] == [
        "✗ from here · no answer · the connection was refused · http://api.example.com/health"
    ]


# leaving


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An environment on this machine whose app has written two lines; nothing is deployed."""
    folder = tmp_path / "app/shared/logs"
    folder.mkdir(parents=True)
    (folder / "out.log").write_text("2026-11-25T13:00:00: one\n2026-11-25T13:00:01: two\n")
    (tmp_path / "turnout.toml").write_text(
        f'app = "x"\n[environments.production]\nhosts = ["local"]\npath = "{tmp_path}/app"\n'
    )
    return tmp_path


def on_terminal(folder: Path, words: list[str], shows: str, key: str) -> tuple[int, str, bool]:
    """Run it on a terminal of its own and type `key` once `shows` is shown.

    Gives the exit code, all it showed, and whether the terminal takes whole lines and echoes again.
    """
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", str(TURNOUT), *words],
        cwd=folder,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    shown, typed = b"", False
    try:
        while process.poll() is None:
            if select.select([leader], [], [], 0.1)[0]:
                shown += os.read(leader, 65536)
            if shows.encode() in shown and not typed:
                typed = True
                os.write(leader, key.encode())
        while select.select([leader], [], [], 0.1)[0]:
            shown += os.read(leader, 65536)
        lines = termios.tcgetattr(leader)[3] & (termios.ICANON | termios.ECHO)
        return process.returncode, shown.decode(), lines == termios.ICANON | termios.ECHO
    finally:
        process.kill()
        process.wait()
        os.close(leader)
        os.close(follower)


@pytest.mark.parametrize("key, code", [("q", 0), ("\x03", 130)])
def test_monit_leaves_the_terminal_as_it_was(project: Path, key: str, code: int) -> None:
    """With q and with Ctrl-C: the other screen is left, the cursor is back, lines and echo are on."""
    ended, shown, lines = on_terminal(project, ["monit"], "nothing is deployed here", key)
    assert (ended, lines) == (code, True), shown
    assert shown.rindex("\x1b[?1049l") > shown.rindex("\x1b[?1049h")
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_ctrl_c_leaves_logs_that_follow(project: Path) -> None:
    """Without a word: it is how one leaves what has no end."""
    ended, shown, _ = on_terminal(project, ["logs", "-f"], "two", "\x03")
    assert (ended, re.sub(r"\^C|\r", "", shown).splitlines()) == (
        130,
        ["2026-11-25T13:00:00: one", "2026-11-25T13:00:01: two"],
    )


@pytest.mark.parametrize("words", [["logs", "-f"], ["monit", "--json", "--interval", "0.2"]])
def test_a_stream_ends_with_its_reader(project: Path, words: list[str]) -> None:
    """`| head -1` ends it, well and without a word."""
    process = subprocess.Popen(
        [str(TURNOUT), *words], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        with (project / "app/shared/logs/out.log").open("a") as log:
            log.write("three\n")
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    finally:
        process.kill()


def test_a_reader_that_stands_still_does_not_hold_ctrl_c(project: Path) -> None:
    """A flood into a full pipe: nothing is taken in beyond a little, and the signal ends it."""
    with (project / "app/shared/logs/out.log").open("a") as log:
        log.writelines(f"line {number} {'x' * 100}\n" for number in range(100_000))
    process = subprocess.Popen(
        [str(TURNOUT), "logs", "-f", "-n", "100000"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        full = fcntl.fcntl(process.stdout.fileno(), fcntl.F_GETPIPE_SZ) - 4096
        until(lambda: waiting(process.stdout) >= full)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    finally:
        process.kill()
        process.wait()


def waiting(pipe: Any) -> int:
    """Bytes in a pipe that nobody has read."""
    return int(struct.unpack("i", fcntl.ioctl(pipe.fileno(), termios.FIONREAD, b"    "))[0])


def test_without_a_terminal_monit_looks_once(project: Path) -> None:
    """A log of CI gets one look, not an endless one."""
    done = subprocess.run([str(TURNOUT), "monit"], cwd=project, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert "local · - · nothing is deployed here" in done.stderr


def test_a_host_that_is_not_there_is_an_error(project: Path) -> None:
    """With the code of its own, as for every other command."""
    file = project / "turnout.toml"
    file.write_text(file.read_text().replace('"local"', '"nobody@127.0.0.1:1"'))
    for words in (["logs"], ["logs", "-f"], ["monit"], ["history"], ["health"]):
        done = subprocess.run(
            [str(TURNOUT), *words], cwd=project, capture_output=True, text=True, check=False
        )
        assert (words, done.returncode) == (words, 20), done
        assert "127.0.0.1:1" in done.stderr
