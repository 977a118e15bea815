"""What every later deployment shows, on a host where v1 serves."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.support.site import API_KEY, NAME, Site

from turnout.deploy import DEPLOY
from turnout_host.processes import rpc

pytestmark = pytest.mark.integration
SMALL = 100_000
"""Bytes that a code-only deployment may send (issue 2)."""


def test_a_change_of_code_sends_little_and_runs_no_npm_on_the_host(live: Site) -> None:
    """Only the difference travels; layers, dependencies and migrations stay as they are."""
    layers, npm = sorted(live.layout.layers.iterdir()), live.npm_runs()
    assert len(npm) == 1, "the migration of v1 ran npx, so these logs would tell"
    known = len(live.journal())
    live.greet("Only code changed")

    run = live.deploy()

    assert live.answer("/").body == {"greeting": "Only code changed"}
    assert run.finished["bytes_sent"] < SMALL
    assert sorted(live.layout.layers.iterdir()) == layers
    assert live.npm_runs() == npm
    assert not [entry for entry in live.journal()[known:] if entry["type"].startswith(("layer", "migration.st"))]
    assert (run.step("install")["status"], run.step("migrate")["status"]) == ("reused", "skipped")
    own = run.step("build")["seconds"] + 0.5
    print(f"\ncode-only deployment: {run.finished['seconds'] - own:.2f} s beyond build and bake (4 s are wanted)")
    print(f"{run.finished['bytes_sent']:,} bytes were sent")


def test_the_same_revision_again_is_unchanged_and_sends_nothing(live: Site) -> None:
    """Exit code 0, no new release, and no step after the comparison began."""
    before = live.status()["release"]

    run = live.deploy()

    end = run.finished
    assert (end["result"], end["exit_code"], end["release"]) == ("unchanged", 0, before)
    assert not run.step("upload")
    assert end["bytes_sent"] < 10_000, "the questions alone"
    assert live.status()["release"] == before


def test_the_events_of_a_deployment_are_whole_and_in_order(live: Site) -> None:
    """Each line has v, ts, seq, type and deployment; the steps are the plan's; the last line has all that is promised."""
    live.greet("Events")

    run = live.deploy()

    assert not run.err
    assert all({"v", "ts", "seq", "type", "deployment"} <= set(event) for event in run.events)
    assert {event["v"] for event in run.events} == {1}
    assert len({event["deployment"] for event in run.events}) == 1
    assert [event["seq"] for event in run.events] == list(range(1, len(run.events) + 1))
    assert run.events[0]["type"] == "deployment.started"
    started = [event for event in run.events if event["type"] == "step.started"]
    ended = [event for event in run.events if event["type"] == "step.finished"]
    assert {event["step"] for event in started} == {event["step"] for event in ended} == set(DEPLOY.names)
    assert len(started) == len(ended) == len(DEPLOY.names)
    assert all({"status", "seconds", "environment"} <= set(event) for event in ended)
    on_hosts = {step.name for step in DEPLOY.steps if step.where != "deployer"}
    assert {event["step"] for event in ended if "host" in event} == on_hosts
    assert {"result", "exit_code", "release", "previous", "seconds", "bytes_sent"} <= set(run.finished)
    assert [event["type"] for event in run.events].count("deployment.finished") == 1


def test_status_releases_and_health_agree_with_what_serves(live: Site) -> None:
    """Each is one JSON object; pids and releases are those of the kernel and of the answers."""
    status = live.status()
    pids = {process.pid for process in live.processes()}

    assert (status["release"], status["blessed"], status["needs_a_look"]) == (live.current(), True, [])
    assert status["current"] == str((live.path / "current").resolve())
    assert status["revision"] == live.git("rev-parse", "HEAD").strip()
    assert {process["pid"] for process in status["processes"]} == pids
    wanted = {"pid", "cpu", "memory", "restarts", "uptime", "release"}
    assert all(wanted <= set(process) for process in status["processes"])
    assert {process["release"] for process in status["processes"]} == live.serving() == {status["release"]}
    assert status["health"]["ok"]
    assert status["disk"]["free"] > 0
    (releases,) = live.turnout("releases", "--json", check=0).json["hosts"]
    assert [one["release"] for one in releases["releases"] if one["current"]] == [status["release"]]
    (health,) = live.turnout("health", "--json", check=0).json["hosts"]
    assert (health["health"]["ok"], health["release"]) == (True, status["release"])


def test_people_read_stderr_and_programs_read_stdout(live: Site) -> None:
    """Without --json nothing but the screen is written; `status` without it is no JSON either."""
    run = live.turnout("deploy", "production", check=0)

    assert run.out == ""
    assert "nothing to do" in run.err


def test_every_worker_runs_in_the_new_release_in_spite_of_dirname_in_the_ecosystem_file(live: Site) -> None:
    """The trap of FACTS: with `cwd: __dirname` PM2 itself would keep the first release's folder for ever."""
    assert "cwd: __dirname" in (live.repo / "backend/ecosystem.config.js").read_text()
    live.greet("The trap")

    release = live.deploy().finished["release"]

    folder = (live.path / "releases" / release).resolve()
    workers = live.processes()
    assert [Path(f"/proc/{process.pid}/cwd").resolve() for process in workers] == [folder, folder]
    assert {process.cwd for process in workers} == {str(live.path / "current")}
    assert live.answer("/").body == {"greeting": "The trap"}


def test_no_secret_is_seen_anywhere_but_in_the_dotenv(live: Site) -> None:
    """Neither the dotenv's values nor the SSH key are in events, screens, arguments, PM2's memory, the journal or a log."""
    secrets = [API_KEY, live.sshd.key.reveal().splitlines()[1]]
    live.greet("Secrets")
    with Arguments(secrets) as arguments:
        deployed = live.deploy()
        live.greet("Secrets again")
        shown = live.turnout("deploy", "--verbose", check=0)
        looked = live.turnout("status", "--verbose", check=0)

    monitored = rpc.call(str(live.pm2_home / "rpc.sock"), "getMonitorData", [{}], 5)
    texts = {run.arguments: run.out + run.err for run in (deployed, shown, looked)}
    texts |= {("rpc",): json.dumps(monitored), ("jlist",): live.hand("pm2 jlist")}
    kept = [file for folder in (live.pm2_home, live.layout.own, live.path / "shared/logs") for file in _texts(folder)]
    texts |= {(str(file),): file.read_text(errors="replace") for file in kept}
    assert {file.name for file in kept} >= {"dump.pm2", "journal.jsonl", "out.log", "pm2.config.js", "pm2.log"}
    assert [name for name, text in texts.items() if any(secret in text for secret in secrets)] == []
    assert arguments.looks > 10
    assert arguments.seen == []
    for process in live.processes():
        assert API_KEY.encode() not in Path(f"/proc/{process.pid}/environ").read_bytes()


def test_a_release_has_its_own_private_dotenv_with_its_name_added(live: Site) -> None:
    """The copy is 0600; the environment's own .env stays as it was written."""
    shared = (live.path / "shared/.env").read_text()

    copy = live.path / "current/.env"

    assert copy.stat().st_mode & 0o777 == 0o600
    assert f"TURNOUT_RELEASE={live.current()}\n" in copy.read_text()
    assert copy.read_text().startswith(shared)
    assert "TURNOUT_RELEASE" not in shared


def test_pm2_knows_the_app_once_however_often_it_was_deployed(live: Site) -> None:
    """Two instances of one name, all online."""
    assert [(process.name, process.status) for process in live.processes()] == [(NAME, "online")] * 2


def _texts(folder: Path) -> list[Path]:
    """The files in a folder, without contents of the store, layers, and sockets."""
    leave = {"layers", "store"}
    return [file for file in folder.rglob("*") if file.is_file() and not leave & set(file.relative_to(folder).parts[:1])]


class Arguments:
    """Looks all the time whether a text stands in the arguments of a process; `seen` are the programs."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = [text.encode() for text in texts]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: list[Any] = []
        self.looks = 0

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            self.looks += 1
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = file.read_bytes()
                except OSError:
                    continue
                if any(text in words for text in self._texts):
                    self.seen.append(words)

    def __enter__(self) -> Arguments:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
