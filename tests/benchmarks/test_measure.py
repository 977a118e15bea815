"""What one measured command gives, with a small server in the app's place."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.benchmarks.census import FORKED, HEAD, Census, Forked, parsed
from tests.benchmarks.measure import Command, Place, measured, settled, steps
from turnout.cli.demo.traffic import Sighting
from turnout_host.rehearsal import spare_port

APP = """
import http.server, json, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"release": "v1"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        asked.set()
    def log_message(self, *words): pass
asked = threading.Event()
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
asked.wait()
print("step asked")
"""
"""A deployment that serves until somebody asked."""


def test_steps_of_events_are_those_of_the_slowest_host() -> None:
    """As `--json` tells them."""
    told = [
        (1.0, '{"v": 1, "type": "step.started", "step": "stage"}'),
        (2.0, '{"v": 1, "type": "step.finished", "step": "stage", "host": "a", "seconds": 0.5}'),
        (2.0, '{"v": 1, "type": "step.finished", "step": "stage", "host": "b", "seconds": 0.7}'),
    ]
    assert steps(told, 3.0) == {"stage": 0.7}


def test_steps_of_a_script_last_until_the_next_one() -> None:
    """The last until the script's end; what npm and curl say in between is not looked at."""
    told = [
        (1.0, "step build\n"),
        (2.0, "added 65 packages\n"),
        (4.0, "step upload\n"),
        (5.0, '{"status":"ok"}'),
    ]
    assert steps(told, 9.0) == {"build": 3.0, "upload": 5.0}


@pytest.mark.parametrize(
    "now, is_settled",
    [(10.4, False), (10.6, True)],
    ids=["the old one answered a moment ago", "the old one is silent"],
)
def test_a_switch_is_over_when_the_old_release_is_silent(now: float, is_settled: bool) -> None:
    """And only if a new one answers."""
    seen = {"v1": Sighting(1.0, 10.0), "v2": Sighting(9.0, 10.4)}
    assert settled(seen, {"v1"}, now) is is_settled
    assert not settled({"v1": Sighting(1.0, 1.0)}, {"v1"}, now)


def test_the_kernels_word_of_a_fork_is_read() -> None:
    """A thread is no process, and other news are no forks."""
    head = HEAD.pack(76, 3, 0, 0, 0, 1, 1, 0, 0, 40, 0, 1, 0, 0)
    assert parsed(head + FORKED.pack(10, 10, 12, 12)) == Forked(10, 12)
    assert parsed(head + FORKED.pack(10, 10, 13, 12)) is None
    assert parsed(HEAD.pack(76, 3, 0, 0, 0, 1, 1, 0, 0, 40, 0, 2, 0, 0) + FORKED.pack(10, 10, 12, 12)) is None


def test_a_command_that_fails_says_its_last_words(tmp_path: Path) -> None:
    """A figure of a deployment that did not happen would be a lie."""
    argv = (sys.executable, "-c", "import sys; print('half way'); sys.exit('no space left')")
    with Census() as census, pytest.raises(RuntimeError, match=r"half way[\s\S]*no space left"):
        measured(
            _command(argv, tmp_path), Place(spare_port(), os.getpid(), ()), census, new=False, served=False
        )


def test_what_a_command_took_is_seen_from_outside(tmp_path: Path) -> None:
    """Its release that clients met, its steps, its memory, and how many processes it was."""
    port = spare_port()
    argv = (sys.executable, "-c", APP, str(port))
    with Census() as census:
        found = measured(
            _command(argv, tmp_path), Place(port, os.getpid(), ()), census, new=False, served=False
        )

    assert found.first_new is not None
    assert list(found.steps) == ["asked"]
    assert found.memory_own > 1_000_000
    assert found.memory_all >= found.memory_own
    assert found.processes_here in {1, None}
    assert (found.up, found.down, found.turns) == (0, 0, 0)


def _command(argv: tuple[str, ...], folder: Path) -> Command:
    return Command(argv, folder, dict(os.environ))
