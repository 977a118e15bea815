"""The spec's rollback by hand, typed as written there; Turnout notices, tells the truth, and carries on from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.site import NAME, Site, until

pytestmark = pytest.mark.integration
FIND = """\
cd {path}
ls -lt backups/
"""
DRILL = """\
cd {path}
rm -rf current
cp -r backups/{backup} current
cd current && pm2 restart {name}
"""


@pytest.fixture(scope="module")
def drilled(live: Site) -> Site:
    """v2 was deployed, and a hand went back to v1 from the backup."""
    live.greet("Two")
    live.deploy()
    assert live.serving() == {"v2"}
    newest = live.hand(FIND.format(path=live.path)).splitlines()[1].split()
    backup = next(word for word in newest if word.startswith("backup-"))
    live.hand(DRILL.format(path=live.path, backup=backup, name=NAME))
    until(lambda: live.answers() and live.serving() == {"v1"})  # `pm2 restart` has a gap, unlike a reload
    return live


def test_the_drill_brings_the_release_of_the_backup_back(drilled: Site) -> None:
    """The copied link is absolute, so `current` leads to v1, and PM2 runs every worker there."""
    folder = drilled.path / "releases/v1"

    assert (drilled.path / "current").resolve() == folder
    until(lambda: where(drilled) == {folder})  # the second worker may still be booting
    assert drilled.answer("/").body == {"greeting": "Welcome to Blue Video"}


def where(site: Site) -> set[Path]:
    """The folders in which PM2's workers are."""
    return {Path(f"/proc/{process.pid}/cwd").resolve() for process in site.processes()}


def test_status_then_tells_the_truth(drilled: Site) -> None:
    """v1 is what serves, and that a hand was here is said; the journal's own belief is not passed off as the state."""
    host = drilled.status(check=None)

    assert (host["release"], host["health"]["ok"]) == ("v1", True)
    assert {process["release"] for process in host["processes"]} == {"v1"}
    (doubt,) = host["needs_a_look"]
    assert "hand" in doubt
    assert "v2" in doubt


def test_the_next_deployment_works_and_names_what_the_hand_did(drilled: Site) -> None:
    """It goes on from v1, which is also its way back."""
    drilled.greet("Three")

    run = drilled.deploy()

    end = run.finished
    assert (end["result"], end["release"], end["previous"]) == ("succeeded", "v3", "v1")
    assert any("hand" in note and "v1" in note for note in end["notes"]), end
    assert drilled.status()["needs_a_look"] == []
