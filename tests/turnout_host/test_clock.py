"""The host's clock is set an hour forwards and back while a release is switched to, proved and watched."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from tests.turnout_host.site import Site
from turnout_host import probe as probing
from turnout_host.journal import Journal
from turnout_host.layout import Layout
from turnout_host.proof import bake

HOUR = 3600.0


@pytest.fixture(params=["forwards", "back", "to and fro"])
def stepped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every look the wall clock is somewhere else; the clocks that cannot be set go on."""
    steps = {"forwards": [HOUR], "back": [-HOUR], "to and fro": [HOUR, -HOUR]}[request.param]
    real, turns = time.time, itertools.cycle([0.0, *steps])
    monkeypatch.setattr(time, "time", lambda: real() + next(turns))


@pytest.mark.integration
@pytest.mark.usefixtures("stepped")
def test_a_bake_is_as_long_as_it_is(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither cut short, nor an hour long, nor taken for a failure: all workers are proved, then watched."""
    site.release("v1")
    proof = site.prove("v1", site.reload("v1"))
    asked = []
    ask = probing.Probe.ask
    monkeypatch.setattr(probing.Probe, "ask", lambda self: (asked.append(1), ask(self))[1])
    health = {**site.health, "bake": 1.0, "interval": 0.05}
    bake(site.pm2, site.probe(), proof, site.layout.release("v1"), ("v1", "v1-0"), health, site.notes.append)
    assert "v1 stayed well for 1 s" in site.notes
    assert len(asked) > 4


@pytest.mark.integration
@pytest.mark.usefixtures("stepped")
def test_a_process_is_as_old_as_it_is(site: Site) -> None:
    """By its age a worker is taken for one that never listens: a clock that is set must not make it an hour old."""
    site.release("v1")
    site.prove("v1", site.reload("v1"))
    ages = [process.uptime for _ in range(3) for process in site.pm2.processes()]
    assert all(0 < age < HOUR / 2 for age in ages), ages


@pytest.mark.usefixtures("stepped")
def test_the_journal_is_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    """Its times are for people; what serves, and what is open, never depends on them."""
    layout = Layout(str(tmp_path / "app"))
    layout.prepare()
    journal = Journal(layout)
    for name in ("v1", "v2", "v3"):
        for kind in ("release.staged", "activation.asked", "activation.switched", "release.blessed"):
            journal.append(kind, name, release=name)
        journal.append("activation.ended", name, release=name, result="succeeded")
    state = Journal(layout).state
    assert (state.serving, state.open, state.below("v3")) == ("v3", None, "v2")
    assert [record["release"] for record in state.blessed()] == ["v3", "v2", "v1"]
