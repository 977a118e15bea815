"""Watching: status, monit, logs, health and history on a real host, under real PM2."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.proxy import Proxy
from tests.support.site import Site, until

pytestmark = pytest.mark.integration
LOGS = '\n[logs]\nmax_size = "1kB"\nkeep = 3\n'


class Follower:
    """`turnout … --json` that goes on; what it has written so far, until it is left with Ctrl-C."""

    def __init__(self, site: Site, *words: str, **env: str) -> None:
        self.found: list[dict[str, Any]] = []
        self.process = site.start(*words, "--json", **env)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.found.append(json.loads(line))

    def texts(self) -> list[str]:
        """The texts of log lines."""
        return [str(one["text"]) for one in self.found]

    def leave(self) -> tuple[int, str]:
        """Ctrl-C; the exit code and what people were told."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        self._thread.join(30)
        assert self.process.stderr is not None
        return code, self.process.stderr.read()


@contextlib.contextmanager
def following(site: Site, *words: str, **env: str) -> Iterator[Follower]:
    follower = Follower(site, *words, **env)
    try:
        yield follower
    finally:
        follower.process.kill()
        follower.process.wait()


class Traffic:
    """One request after another, each with its number in the address; with LOG_LEVEL=debug the app logs each."""

    def __init__(self, site: Site) -> None:
        self.answered: list[int] = []
        self._site, self._number = site, 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def one(self) -> int:
        """Ask once; its number."""
        self._number += 1
        assert self._site.answer(f"/?n={self._number}.").status == 200
        self.answered.append(self._number)
        return self._number

    def _run(self) -> None:
        while not self._end.wait(0.02):
            self.one()

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def times(texts: list[str], number: int) -> int:
    """How often a request stands in the log."""
    return sum(f"?n={number}." in text for text in texts)


@pytest.fixture(scope="module")
def chatty(live: Site) -> Site:
    """v2 logs every request; logs are rotated when they are larger than a kilobyte."""
    live.write_dotenv(LOG_LEVEL="debug")
    live.write_toml(more=LOGS)
    live.deploy()
    return live


def test_history_tells_who_what_how_and_how_long(chatty: Site) -> None:
    """From the host's own journal: both deployments, with times of steps and bytes."""
    newest, first = chatty.turnout("history", "--json", check=0).json["deployments"]
    assert [one["release"] for one in (newest, first)] == ["v2", "v1"]
    assert (newest["previous"], newest["result"], newest["exit_code"]) == ("v1", "succeeded", 0)
    assert newest["by"]
    assert newest["revision"] == first["revision"] == chatty.git("rev-parse", "HEAD").strip()
    assert {"build", "upload", "activate", "verify"} <= set(newest["steps"])
    assert sum(newest["steps"].values()) <= newest["seconds"] * 2, "steps run side by side at most in pairs"
    assert 0 < newest["bytes_sent"] < first["bytes_sent"]
    assert list(newest["hosts"]) == [str(chatty.sshd.address)]
    shown = chatty.turnout("history", "-v", "--limit", "1", check=0).err
    assert "v1 → v2" in shown
    assert "activate" in shown


def test_status_is_one_screen_with_drift_and_the_last_deployments(chatty: Site) -> None:
    """What runs where, since when, by whom, how well; then a hand edits the dotenv and a file, and both are said."""
    host = chatty.status()
    assert (host["release"], host["health"]["ok"], host["drift"], host["needs_a_look"]) == (
        "v2",
        True,
        [],
        [],
    )
    assert [one["release"] for one in host["deployments"]] == ["v1", "v2"]
    file = chatty.path / "current/tsconfig.json"
    whole, dotenv = file.read_bytes(), (chatty.path / "shared/.env").read_bytes()
    try:
        file.write_bytes(whole + b"// by hand\n")
        chatty.write_dotenv(LOG_LEVEL="debug", MORE="1")
        shown = chatty.turnout("status", check=0).err
        assert "changed: tsconfig.json" in shown
        assert "the .env was changed since v2 (MORE): the next deployment takes it up" in shown
        assert shown.count("succeeded") == 2
    finally:
        file.write_bytes(whole)
        (chatty.path / "shared/.env").write_bytes(dotenv)


def test_monit_sees_every_process_of_pm2(chatty: Site) -> None:
    """CPU, memory, restarts, uptime, and how fast each worker answered."""
    looks = chatty.turnout("monit", "--json", "--count", "2", "--interval", "0.2", check=0).events
    assert len(looks) == 2
    listed = {process.pid: process for process in chatty.processes()}
    for one in looks[1]["processes"]:
        assert one["restarts"] == listed[one["pid"]].restarts
        assert one["memory"] > 10_000_000
        assert one["seconds"] is not None, "both workers answer"
    assert {one["pid"] for one in looks[1]["processes"]} == set(listed)
    assert looks[1]["machine"]["memory"]["total"] > looks[1]["machine"]["memory"]["available"] > 0
    shown = chatty.turnout("monit", check=0).err
    assert "v2" in shown
    assert "answers in" in shown


def test_health_from_the_host_and_from_outside(chatty: Site) -> None:
    """`url` is asked from here; when it does not answer the exit code is 50, whatever the host says of itself."""
    file = chatty.repo / "turnout.toml"
    text = file.read_text()
    try:
        file.write_text(text.replace("branches", f'url = "http://127.0.0.1:{chatty.port}"\nbranches'))
        found = chatty.turnout("health", "--json", check=0).json
        assert (found["outside"]["ok"], found["outside"]["status"]) == (True, 200)
        assert found["outside"]["url"].endswith("/health")
        with following(chatty, "health", "--watch", "--interval", "0.2") as watch:
            until(lambda: len(watch.found) >= 6)
            assert watch.leave() == (130, "")
        assert {"outside", "host"} <= {key for one in watch.found for key in one}
        file.write_text(text.replace("branches", 'url = "http://127.0.0.1:1"\nbranches'))
        refused = chatty.turnout("health", check=50)
        assert "200 in" in refused.err
        assert "the connection was refused" in refused.err
    finally:
        file.write_text(text)


def test_logs_follow_through_a_deployment_that_rotates_them(chatty: Site) -> None:
    """Every request that was answered is shown once: of old workers, of new ones, before and after the rotation."""
    with Traffic(chatty) as traffic, following(chatty, "logs", "-f", "-n", "0") as follower:
        until(lambda: follower.found)
        first = traffic.one() + 1
        chatty.greet("A new one")
        chatty.deploy()
        last = traffic.one()
        until(lambda: times(follower.texts(), last))
        code, told = follower.leave()
    assert (code, told) == (130, "")
    assert (chatty.layout.logs / "out.log.1").stat().st_size > 1000
    counts = {
        number: times(follower.texts(), number) for number in traffic.answered if first <= number <= last
    }
    assert len(counts) > 50
    assert set(counts.values()) == {1}, {number: count for number, count in counts.items() if count != 1}
    assert any("drained" in text for text in follower.texts())


def test_logs_of_the_past(chatty: Site) -> None:
    """The last lines across rotated files, those that match, those of standard error, those since a moment."""

    def logs(*words: str) -> list[dict[str, Any]]:
        return chatty.turnout("logs", "--json", *words, check=0).events

    listening = logs("-n", "2", "--grep", "release v[12].*listens")
    assert len(listening) == 2
    assert all(one["ts"] is not None and one["stream"] == "out" for one in listening)
    assert len(logs("-n", "5")) == 5
    assert logs("--err") == []
    assert logs("--since", "2099-01-01") == []
    assert len(logs("--since", "1h")) > 5
    shown = chatty.turnout("logs", "-n", "1", check=0)
    assert shown.out.count("\n") == 1
    assert shown.err == ""


async def test_a_lost_link_loses_no_line(chatty: Site) -> None:
    """It is told, taken up again, and goes on where it was."""
    async with Proxy(chatty.sshd.port) as proxy:
        known = chatty.sshd.host_key_line.replace(str(chatty.sshd.port), str(proxy.port))
        env = {"VPS_HOST": "127.0.0.1", "VPS_PORT": str(proxy.port), "VPS_KNOWN_HOSTS": known}
        with Traffic(chatty) as traffic, following(chatty, "logs", "-f", "-n", "0", **env) as follower:
            await asyncio.to_thread(until, lambda: follower.found)
            first = traffic.one() + 1
            proxy.cut()
            await asyncio.to_thread(
                until, lambda: follower.process.stderr and len(traffic.answered) > first + 50
            )
            last = traffic.one()
            await asyncio.to_thread(until, lambda: times(follower.texts(), last))
            code, told = await asyncio.to_thread(follower.leave)
    assert (code, "trying again" in told) == (130, True), told
    assert {times(follower.texts(), number) for number in traffic.answered if first <= number <= last} == {1}


def test_rollback_and_an_unchanged_deploy_are_history_too(chatty: Site) -> None:
    """What was reverted, refused or had nothing to do stands there with its reason."""
    chatty.deploy()
    chatty.rollback("v1")
    rows = chatty.turnout("history", "--json", "--limit", "2", check=0).json["deployments"]
    assert [(one["command"], one["result"], one["release"]) for one in rows] == [
        ("rollback", "succeeded", "v1"),
        ("deploy", "unchanged", None),
    ]
    assert rows[0]["previous"] == "v3"
