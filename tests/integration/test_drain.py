"""Users notice nothing: with requests running all the time, none fails, be the new release good or bad."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.site import Site
from turnout.cli.demo.traffic import Figures, TrafficThread

pytestmark = pytest.mark.integration
PATHS = ("/health", "/", "/videos")
ENOUGH = 200
"""Requests below which "none failed" would say little."""


@pytest.fixture
def traffic(live: Site) -> Iterator[TrafficThread]:
    """Eight clients on keep-alive connections and eight on new ones."""
    with TrafficThread(live.port, PATHS, keep_alive=8, fresh=8) as running:
        yield running


def served(traffic: TrafficThread) -> Figures:
    """All figures, after the last answer; no request failed."""
    figures = traffic.stop()
    print(f"\n{figures.ok:,} requests answered, {figures.failed} failed, by {dict(figures.releases)}")
    assert (figures.failed, dict(figures.reasons)) == (0, {})
    assert figures.ok > ENOUGH
    return figures


def test_no_request_fails_in_a_good_deployment(live: Site, traffic: TrafficThread) -> None:
    """The old release answers until the new one does."""
    before = str(live.current())
    live.greet("Good")

    end = live.deploy().finished

    assert end["result"] == "succeeded"
    assert set(served(traffic).releases) == {before, end["release"]}


READ = "const env = readEnv(process.env);"
CRASH = ("src/server-local.ts", READ, f"{READ}\n  if (env.port) throw new Error('no camera');")
SICK = ("src/controllers/health.ts", "healthy ? 200 : 503", "500")


@pytest.mark.parametrize(
    "change, words",
    [pytest.param(CRASH, "no camera", id="crashes at boot"), pytest.param(SICK, "500", id="answers 500")],
)
def test_no_request_fails_in_a_bad_deployment(
    live: Site, traffic: TrafficThread, change: tuple[str, str, str], words: str
) -> None:
    """The rehearsal refuses it: nobody outside ever saw it, and no process was touched."""
    before, pids = str(live.current()), {process.pid for process in live.processes()}
    live.change(*change, "A bad release")
    try:
        run = live.deploy(check=50)
    finally:
        live.git("revert", "--no-edit", "HEAD")

    assert (run.finished["result"], run.finished["exit_code"]) == ("failed", 50)
    assert not run.step("activate")
    assert words in run.err
    assert set(served(traffic).releases) == {before}
    assert {process.pid for process in live.processes()} == pids
    assert live.status()["release"] == before


def test_no_request_fails_in_a_rollback(live: Site, traffic: TrafficThread) -> None:
    """The way back is as quiet as the way there."""
    before = str(live.current())

    end = live.rollback().finished

    assert set(served(traffic).releases) == {before, end["release"]}
