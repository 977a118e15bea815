"""What every later deployment shows, on a host where v1 serves."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Run
from tests.support.site import API_KEY, NAME, Site
from turnout.deploy import DEPLOY
from turnout_host.processes import rpc

pytestmark = pytest.mark.integration
SMALL = 20_000
"""Bytes that a code-only deployment may send."""


@dataclass(frozen=True)
class Change:
    """A deployment of which only the code was new, and what the host had before it."""

    run: Run
    layers: list[Path]
    npm: list[str]
    entries: int


@pytest.fixture(scope="module")
def change(live: Site) -> Change:
    """The greeting changed, and was deployed as v2."""
    before = sorted(live.layout.layers.iterdir()), live.npm_runs(), len(live.journal())
    live.greet("Only code changed")
    return Change(live.deploy("--trace", str(live.root / "trace.json")), *before)


def test_a_change_of_code_sends_little_and_runs_no_npm_on_the_host(live: Site, change: Change) -> None:
    """Only the difference travels; layers, dependencies and migrations stay as they are."""
    assert len(change.npm) == 1, "the migration of v1 ran npx, so these logs would tell"
    run = change.run
    print(f"\ncode-only deployment: {run.finished['bytes_sent']:,} bytes were sent")
    own = run.step("build")["seconds"] + 0.5
    print(f"{run.finished['seconds'] - own:.2f} s beyond the app's build and the bake (4 s are wanted)")

    assert live.answer("/").body == {"greeting": "Only code changed"}
    assert run.finished["bytes_sent"] < SMALL
    assert live.npm_runs() == change.npm
    assert sorted(live.layout.layers.iterdir()) == change.layers
    new = {entry["type"] for entry in live.journal()[change.entries :]}
    assert new & {"layer.made", "migration.started"} == set()
    assert (run.step("install")["status"], run.step("migrate")["status"]) == ("reused", "skipped")


def test_a_change_of_code_needs_few_round_trips_and_says_where_the_time_went(
    live: Site, change: Change
) -> None:
    """At most 12 that wait for one another, the host program's start included; the trace has them all."""
    (told,) = (event for event in change.run.events if event["type"] == "host.calls")
    slices = json.loads((live.root / "trace.json").read_text())["traceEvents"]

    assert told["in_sequence"] + 1 <= 12
    assert {call["call"] for call in told["calls"]} <= {one["name"] for one in slices}
    held = change.run.finished["held_up_by"]
    assert {"gate", "rehearse", "activate", "verify"} <= set(held)
    assert sum(held.values()) == pytest.approx(change.run.finished["seconds"], rel=0.1)


def test_the_events_of_a_deployment_are_whole_and_in_order(change: Change) -> None:
    """Each has v, ts, seq, type and deployment; the steps are the plan's; the last one has all that is promised."""
    run = change.run
    steps = [event for event in run.events if event["type"] == "step.finished"]
    on_hosts = {step.name for step in DEPLOY.steps if step.where != "deployer"}

    assert run.err == ""
    assert all({"v", "ts", "seq", "type", "deployment", "environment"} <= set(event) for event in run.events)
    assert {event["v"] for event in run.events} == {1}
    assert len({event["deployment"] for event in run.events}) == 1
    assert [event["seq"] for event in run.events] == list(range(1, len(run.events) + 1))
    assert run.events[0]["type"] == "deployment.started"
    assert sorted(event["step"] for event in steps) == sorted(DEPLOY.names)
    assert sorted(event["step"] for event in run.events if event["type"] == "step.started") == sorted(
        DEPLOY.names
    )
    assert all({"status", "seconds"} <= set(event) for event in steps)
    assert {event["step"] for event in steps if "host" in event} == on_hosts
    end = run.finished
    assert (end["result"], end["exit_code"], end["release"], end["previous"]) == ("succeeded", 0, "v2", "v1")
    assert end["seconds"] > 0


def test_every_worker_runs_in_the_new_release_in_spite_of_dirname(live: Site, change: Change) -> None:
    """The trap of FACTS: with `cwd: __dirname` PM2 by itself would keep the first release's folder for ever."""
    assert "cwd: __dirname" in (live.path / "current/ecosystem.config.js").read_text()
    folder = (live.path / "releases" / change.run.finished["release"]).resolve()

    workers = live.processes()

    assert [Path(f"/proc/{process.pid}/cwd").resolve() for process in workers] == [folder, folder]
    assert {process.cwd for process in workers} == {str(live.path / "current")}
    assert [(process.name, process.status) for process in workers] == [(NAME, "online")] * 2


def test_the_same_revision_again_is_unchanged_and_sends_nothing(live: Site, change: Change) -> None:
    """Exit code 0, no new release, and no step after the comparison began; a person reads it on stderr."""
    run = live.deploy()
    shown = live.turnout("deploy", "production", check=0)

    end = run.finished
    assert (end["result"], end["exit_code"], end["release"]) == ("unchanged", 0, "v2")
    assert not run.step("upload")
    assert end["bytes_sent"] < 10_000, "the questions alone"
    assert live.current() == "v2"
    assert (shown.out, "nothing to do" in shown.err) == ("", True)


def test_status_releases_and_health_agree_with_what_serves(live: Site, change: Change) -> None:
    """Each is one JSON object; pids and releases are those of the kernel and of the answers."""
    status = live.status()
    (releases,) = live.turnout("releases", "--json", check=0).json["hosts"]
    (health,) = live.turnout("health", "--json", check=0).json["hosts"]

    assert (status["release"], status["blessed"], status["needs_a_look"]) == ("v2", True, [])
    assert status["current"] == str((live.path / "current").resolve())
    assert status["revision"] == live.git("rev-parse", "HEAD").strip()
    assert {process["pid"] for process in status["processes"]} == {
        process.pid for process in live.processes()
    }
    wanted = {"pid", "cpu", "memory", "restarts", "uptime", "release"}
    assert all(wanted <= set(process) for process in status["processes"])
    assert {process["release"] for process in status["processes"]} == live.serving() == {"v2"}
    assert status["health"]["ok"]
    assert status["disk"]["free"] > 0
    assert [(one["release"], one["current"]) for one in releases["releases"]] == [("v2", True), ("v1", False)]
    assert (health["health"]["ok"], health["release"]) == (True, "v2")


def test_a_release_has_its_own_private_dotenv_with_its_name_added(live: Site, change: Change) -> None:
    """The copy is 0600; the environment's own .env stays as it was written."""
    shared, copy = (live.path / "shared/.env").read_text(), live.path / "current/.env"

    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.read_text().startswith(shared)
    assert "TURNOUT_RELEASE=v2\n" in copy.read_text()
    assert "TURNOUT_RELEASE" not in shared


def test_no_secret_is_seen_anywhere_but_in_the_dotenv(live: Site) -> None:
    """Neither its values nor the SSH key are in events, screens, arguments, PM2's memory, the journal or a log."""
    secrets = [API_KEY, live.sshd.key.reveal().splitlines()[1]]
    live.greet("Secrets")
    with Arguments(secrets) as arguments:
        deployed = live.deploy()
        looked = live.turnout("status", "--verbose", check=0)

    monitored = rpc.call(str(live.pm2_home / "rpc.sock"), "getMonitorData", [{}], 5)
    texts = {run.arguments: run.out + run.err for run in (deployed, looked)}
    texts |= {("rpc",): json.dumps(monitored), ("jlist",): live.hand("pm2 jlist")}
    kept = [
        file
        for folder in (live.pm2_home, live.layout.own, live.path / "shared/logs")
        for file in _texts(folder)
    ]
    texts |= {(str(file),): file.read_text(errors="replace") for file in kept}
    assert {file.name for file in kept} >= {
        "dump.pm2",
        "journal.jsonl",
        "out.log",
        "pm2.config.js",
        "pm2.log",
    }
    assert [name for name, text in texts.items() if any(secret in text for secret in secrets)] == []
    assert arguments.looks > 10
    assert arguments.seen == []
    for process in live.processes():
        assert API_KEY.encode() not in Path(f"/proc/{process.pid}/environ").read_bytes()


def _texts(folder: Path) -> list[Path]:
    """The files in a folder, without contents of the store, layers, and sockets."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return [file for file in files if file.relative_to(folder).parts[0] not in {"layers", "store"}]


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
