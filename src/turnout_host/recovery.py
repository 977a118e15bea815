"""Whoever comes next ends what a dead run left open: the next contact, or the boot (DESIGN 6)."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Dict, Optional

from turnout_host import apps, pointsman, switch
from turnout_host.errors import HostError, SurveyError
from turnout_host.journal import Journal
from turnout_host.layout import Layout
from turnout_host.lease import Lease
from turnout_host.state import State
from turnout_host.survey import known, running
from turnout_host.sweep import sweep

Say = Callable[[Dict[str, Any]], None]

PATIENCE = 120.0
"""Seconds that the boot waits for a lease that somebody else took first."""


def on_contact(layout: Layout, journal: Journal, lease: Lease, say: Say) -> Optional[Dict[str, Any]]:
    """Under a fresh lease: end an open activation, sweep leftovers, note a hand. Returns what was ended, or None."""
    journal.refresh()
    ended: Optional[Dict[str, Any]] = None
    if journal.state.open is not None:
        ended = {"release": journal.state.open["release"], "deployment": journal.state.open["deployment"]}
        say({"kind": "recovering", "release": ended["release"]})
        if not pointsman.Pointsman(layout, lease).wait(journal):
            raise SurveyError(
                f"the switch to {ended['release']} was left open and cannot be ended",
                where=str(layout.own / "pointsman.log"),
                remedy=["ssh {host} df -h " + str(layout.path), "the same command again, when there is room"],
            )
        ended["serving"] = journal.state.serving
        ended["result"] = (journal.state.ended or {}).get("result")
        ended["reason"] = (journal.state.ended or {}).get("reason")
    for done in sweep(layout, journal):
        say({"kind": "note", "text": done})
    hand(layout, journal, say)
    return ended


def after_deployer(layout: Layout, journal: Journal, lease: Lease) -> None:
    """The deployer is gone: take away what it left unfinished, unless a pointsman is at work."""
    if lease.descriptor < 0:
        return
    with contextlib.suppress(HostError, OSError):  # the next contact sweeps
        lease.check()
        journal.refresh()
        if journal.state.open is None:
            sweep(layout, journal)
    lease.release()


def hand(layout: Layout, journal: Journal, say: Say) -> None:
    """Somebody led `current` to another blessed release (the spec's hand drill): carry on from there."""
    name = running(layout)
    if name != journal.state.serving and known(journal.state, name):
        was = journal.state.serving
        journal.append("hand.noticed", None, release=name, instead_of=was)
        say(
            {
                "kind": "hand",
                "text": f"a hand led `current` from {was or 'nothing'} to {name}: going on from there",
            }
        )


def at_boot(path: str) -> int:
    """End an open activation, else start what served. The exit status is for cron's mail and the unit's log."""
    layout = Layout(path)
    lease = Lease(layout)
    journal = Journal(layout, lease.check)
    who = {"deployment": "boot", "by": "boot", "work": "starting the app after a boot", "orphan": True}
    token = lease.acquire(lambda: journal.state.token, who, PATIENCE, lambda _: None)
    journal.refresh()
    name = _boots(layout, journal.state)
    if name is not None and "toolchain" in journal.state.releases.get(name, {}):
        with contextlib.suppress(HostError, OSError):  # the pointsman, or the next contact, finds out
            if running(layout) != name and (switch.kind(layout) == "missing" or journal.state.open):
                switch.point(layout, layout.release(name))
            apps.facts(layout, journal.state, name).pm2.start_after_boot()
    if journal.state.open is not None:
        return pointsman.parent(path, lease.descriptor, token)
    lease.release()
    return 0


def _boots(layout: Layout, state: State) -> Optional[str]:
    """What a boot starts: what `current` leads to, but nothing that was being taken back."""
    if state.open is not None and state.open["phase"] == "reverting":
        previous = state.open.get("previous")
        return str(previous) if previous else None
    return running(layout) or state.serving
