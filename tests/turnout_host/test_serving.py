"""What serves before an adoption: a release must find the same port, the same values and a good answer."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout_host import facts
from turnout_host.layout import Layout
from turnout_host.processes.listing import Process, parsed
from turnout_host.serving import Serving

HEALTH = {"path": "/health", "port_env": "PORT", "timeout": 5.0}
FILE = "module.exports = {{ apps: [{{ name: 'api', script: 'app.js', env_production: {{ {env} }} }}] }};\n"


class App(http.server.BaseHTTPRequestHandler):
    """Answers 200 on /health, else 404."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(b'{"release": "1.4.2"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """An app that serves in this very process."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A folder of the old workflow whose only process, as PM2 would list it, is this one."""

    def processes(serving: Serving) -> list[Process]:
        env = {"status": "online", "pm_cwd": str(made.current)}
        return [parsed({"name": "api", "pid": os.getpid(), "pm2_env": env})]

    monkeypatch.setattr(facts, "_env", {"PATH": os.environ["PATH"], "PM2_HOME": str(tmp_path / "pm2")})
    monkeypatch.setattr(Serving, "processes", processes)
    made = Layout(str(tmp_path / "app"))
    made.prepare()
    made.current.mkdir()
    return made


def serving(layout: Layout, dotenv: str, env: str = "", **health: Any) -> Serving:
    """What serves there, with this .env and this `env_production` in PM2's file."""
    (layout.current / ".env").write_text(dotenv)
    (layout.current / "ecosystem.config.js").write_text(FILE.format(env=env))
    settings = {"app": "api", "config": "ecosystem.config.js", "process_env": "production"}
    return Serving(layout, layout.current, settings, {**HEALTH, **health})


def test_an_app_that_answers_where_a_release_would_is_fine(layout: Layout, port: int) -> None:
    """The port comes from the .env, else from PM2's file; what it said of itself is kept."""
    assert serving(layout, f"PORT={port}\n").findings() == []
    found = serving(layout, "", env=f"PORT: {port}")
    assert found.findings() == []
    assert found.answer is not None
    assert found.answer.body == {"release": "1.4.2"}


@pytest.mark.parametrize(
    "dotenv, env, health, what, why",
    [
        ("PORT=1\n", "PORT: {port}", {}, "port", "does not listen on port 1,"),
        ("PORT={port}\n", "", {"path": "/else"}, "health", "does not answer well on /else"),
        ("", "", {}, "processes", "the app's port is not known"),
    ],
)
def test_what_a_release_could_not_take_over_is_refused(
    layout: Layout, port: int, dotenv: str, env: str, health: dict[str, Any], what: str, why: str
) -> None:
    """PM2's file beat the .env until now: users would find nobody on the old port any more."""
    found = serving(layout, dotenv.format(port=port), env.format(port=port), **health).findings()

    (fatal,) = [one for one in found if one["fatal"]]
    assert (fatal["what"], why in fatal["why"], bool(fatal["remedy"])) == (what, True, True)


def test_values_that_change_are_told_by_name(layout: Layout, port: int) -> None:
    """Never by value; those that agree, and those that only one of the two has, are no news."""
    env = f"PORT: {port}, LOG_LEVEL: 'debug', NODE_ENV: 'production', SAME: 'x'"
    (note,) = serving(layout, f"PORT={port}\nLOG_LEVEL=info\nSAME=x\nKEY=k\n", env).findings()

    assert not note["fatal"]
    assert "differ in LOG_LEVEL:" in note["why"]
    assert "debug" not in str(note)


def test_a_process_that_works_elsewhere_is_stale(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel says, not PM2: its stored path may be right and the process in a backup."""
    found = serving(layout, "")
    assert [process.pid for process in found.stale()] == [os.getpid()]
    monkeypatch.chdir(layout.current)
    assert found.stale() == []
