"""`status`, `releases` and `health`: what people and programs see."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import inspect
from turnout.cli import main, releases, status

HOST: dict[str, Any] = {
    "host": "deploy@203.0.113.5",
    "current": "/srv/api/releases/v2",
    "release": "v2",
    "revision": "3f2a1bc45d3f2a1bc45d3f2a1bc45d3f2a1bc45d",
    "blessed": True,
    "since": 1000.0,
    "by": "ann@laptop",
    "state": "blessed",
    "needs_a_look": [],
    "processes": [
        {
            "name": "api",
            "pid": 4711,
            "status": "online",
            "cpu": 0.3,
            "memory": 61_000_000,
            "restarts": 0,
            "uptime": 7300.0,
            "release": "v2",
        }
    ],
    "health": {
        "ok": True,
        "status": 200,
        "seconds": 0.0041,
        "reason": None,
        "url": "http://127.0.0.1:3000/health",
    },
    "disk": {"free": 12e9, "total": 40e9, "releases": 1e6, "store": 3e6, "layers": 280e6},
    "releases": [
        {"release": "v3", "state": "failed", "ts": 900.0, "reason": "exit 1 \x1b[2J", "subject": "Break it"},
        {
            "release": "v2",
            "state": "blessed",
            "ts": 400.0,
            "current": True,
            "blessed": True,
            "subject": "Fix it",
        },
        {
            "release": "v1",
            "state": "blessed",
            "ts": 100.0,
            "blessed": True,
            "revision": "a" * 40,
            "by": "bob@ci",
        },
    ],
    "lease": None,
    "open": None,
}
SICK = HOST | {
    "health": {"ok": False, "status": 500, "seconds": 0.1, "reason": "it answered 500", "url": None},
    "needs_a_look": ["the health check fails: it answered 500"],
    "lease": {"by": "bob@ci", "since": 940.0},
    "open": {"release": "v3"},
}
EMPTY = {
    "host": "local",
    "release": None,
    "processes": [],
    "releases": [],
    "health": {
        "ok": False,
        "status": None,
        "seconds": None,
        "reason": "nothing is deployed here",
        "url": None,
    },
}


def lines(hosts: list[dict[str, Any]], verbose: bool = False) -> list[str]:
    return [line for _, line in status.screen("api", "production", hosts, verbose, 1000.0 + 12 * 60)]


def test_status_is_one_screen() -> None:
    """Release, health, processes, disk and releases of a host, each in its place."""
    assert lines([HOST]) == [
        "api · production",
        "✓ deploy@203.0.113.5 · v2 · blessed · 3f2a1bc45d · since 12 min by ann@laptop",
        "  health     200 in 4 ms · http://127.0.0.1:3000/health",
        "  processes  name   pid  status  cpu  memory  restarts  uptime  release",
        "             api   4711  online  0 %   61 MB         0     2 h  v2",
        "  disk       12 GB free of 40 GB · releases 1.0 MB, store 3.0 MB, layers 280 MB",
        "  releases   v3 failed, v2 blessed, v1 blessed",
    ]


def test_status_names_what_needs_a_look() -> None:
    """Doubts, a wrong answer, a lease and a switch under way are said."""
    said = "\n".join(lines([SICK]))
    for part in (
        "! deploy@",
        "  look       the health check fails: it answered 500",
        "  health     500 in 100 ms · it answered 500",
        "  lease      held by bob@ci since 13 min",
        "  switch     to v3 is under way",
    ):
        assert part in said


def test_status_of_an_empty_host() -> None:
    """A host without a release is told as such, whatever is left out."""
    assert lines([EMPTY]) == [
        "api · production",
        "! local · nothing is deployed",
        "  health     no answer · nothing is deployed here",
        "  processes  none",
    ]


def test_the_list_of_releases() -> None:
    """One line a release, the running one marked, a failed one with its reason."""
    said = [line.rstrip() for _, line in releases.screen([HOST, EMPTY], 1000.0)]
    assert said == [
        "deploy@203.0.113.5",
        "     release  state    revision    age     by      subject",
        "     v3       failed   -           100 s   -       exit 1",
        "  →  v2       blessed  -           10 min  -       Fix it",
        "     v1       blessed  aaaaaaaaaa  15 min  bob@ci",
        "local",
        "  no release yet",
    ]


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[dict[str, Any]]], None]:
    """Let the hosts answer with these objects."""
    (tmp_path / "turnout.toml").write_text(
        'app = "api"\n[environments.production]\nhosts = ["local"]\npath = "/srv/api"\n'
    )
    monkeypatch.chdir(tmp_path)

    def answer(hosts: list[dict[str, Any]]) -> None:
        async def asked(*_: object) -> list[dict[str, Any]]:
            return hosts

        for name in ("status", "health", "releases"):
            monkeypatch.setattr(inspect, name, asked)

    return answer


@pytest.mark.parametrize("command", ["status", "health"])
@pytest.mark.parametrize("hosts, code", [([HOST], 0), ([HOST, SICK], 50), ([EMPTY], 50)])
def test_the_exit_code_is_the_health(
    command: str,
    hosts: list[dict[str, Any]],
    code: int,
    answers: Callable[[list[dict[str, Any]]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """0 when every host is well, else 50; --json gives one object on stdout and nothing on stderr."""
    answers(hosts)
    assert main.run([command, "--json"]) == code
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"app": "api", "environment": "production", "hosts": hosts}
    assert captured.err == ""
    assert main.run([command, "production"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert hosts[-1]["host"] in captured.err
    assert "\x1b" not in captured.err


def test_releases_on_the_command_line(
    answers: Callable[[list[dict[str, Any]]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A list is a list: exit code 0 also for a sick host."""
    answers([SICK])
    assert main.run(["releases"]) == 0
    assert "v1" in capsys.readouterr().err
    assert main.run(["releases", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hosts"][0]["releases"][0]["release"] == "v3"
