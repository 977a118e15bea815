"""A host without room for a release: refused with figures before anything is sent. Needs root, for a small disk."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator

import pytest

from tests.support.disk import leave, on_its_own
from tests.support.left import nothing_left
from tests.support.site import Site, until
from tests.support.told import told

pytestmark = pytest.mark.integration
MANIFESTS = 1_000_000
"""Bytes of questions, with the host program and the manifests; contents would be tens of millions."""


@pytest.fixture(scope="module")
def disk() -> Iterator[Site]:
    """A VPS whose path is a file system of its own in memory; nothing was deployed."""
    made = Site()
    with on_its_own(made):
        yield made


def refused(site: Site, what: str) -> None:
    """A deployment that is refused for want of room, with both figures, and with no contents sent."""
    blobs = contents(site)
    run = site.deploy(check=23)

    block = told(run, 23, "refused")
    assert what in block.what[0]
    assert re.search(r": [\d,.]+ (MB )?are needed, [\d,.]+ (MB )?are free$", block.what[0])
    assert run.step("upload")["status"] == "refused"
    assert run.finished["bytes_sent"] < MANIFESTS
    assert contents(site) == blobs
    nothing_left(site, run)


def contents(site: Site) -> int:
    """How many contents the store has."""
    return sum(len(list(shelf.iterdir())) for shelf in site.layout.store.glob("*"))


LIMITS = [
    pytest.param({"megabytes": 40}, "not enough disk", id="disk"),
    pytest.param({"inodes": 500}, "not enough inodes", id="inodes"),
]


@pytest.mark.parametrize("limits, what", LIMITS)
def test_a_first_release_that_does_not_fit_is_refused(disk: Site, limits: dict[str, int], what: str) -> None:
    """Nothing serves, as before, and nothing of the release is there."""
    leave(disk, **limits)

    refused(disk, what)

    assert disk.current() is None
    assert disk.processes() == []


@pytest.fixture(scope="module")
def full(disk: Site) -> Site:
    """The same VPS with v1 on it, and a change that is to be deployed."""
    leave(disk)
    disk.deploy()
    disk.greet("There is room")
    return disk


LITTLE = [
    pytest.param({"megabytes": 20}, "not enough disk", id="disk"),
    pytest.param({"inodes": 5}, "not enough inodes", id="inodes"),
]


@pytest.mark.parametrize("limits, what", LITTLE)
def test_a_later_release_that_does_not_fit_is_refused_and_v1_serves_on(
    full: Site, limits: dict[str, int], what: str
) -> None:
    """Even for a small change some room must be left: an app needs it for its logs."""
    pids = {process.pid for process in full.processes()}
    leave(full, **limits)

    refused(full, what)

    assert full.serving() == {"v1"}
    assert {process.pid for process in full.processes()} == pids


def test_with_room_again_the_same_command_works(full: Site) -> None:
    """No cleaning up is needed."""
    leave(full)

    assert full.deploy().finished["result"] == "succeeded"
    assert full.answer("/").body["greeting"] == "There is room"


def test_a_disk_that_fills_up_in_the_switch_leaves_a_proved_release_and_a_closed_journal(full: Site) -> None:
    """Not a byte and not an inode is left from the switch on: the set aside room is enough to end it and say so."""
    leave(full)
    full.greet("No room left")
    process = full.start("deploy", "--json")
    try:
        assert process.stdout
        for line in process.stdout:
            if '"step.started"' in line and '"activate"' in line:
                break
        until(lambda: full.journal()[-1]["type"].startswith("activation."))  # the room is set aside by then
        fill(full)
        out, _ = process.communicate()
    finally:
        process.kill()
    end = json.loads(out.splitlines()[-1])

    (full.path / "filler").unlink()
    leave(full)
    assert full.serving() == {full.current()}
    # the next append cuts off a line for which there was no room
    assert full.deploy().finished["result"] in ("unchanged", "succeeded")
    written = [entry for entry in full.journal() if entry["deployment"] == end["deployment"]]
    (ended,) = [entry for entry in written if entry["type"] == "activation.ended"]
    assert (ended["result"], end["result"]) in (("succeeded", "succeeded"), ("reverted", "reverted")), end
    assert full.answer("/").body["greeting"] == "No room left"
    nothing_left(full)


def fill(site: Site) -> None:
    """Take all the room that there is."""
    with (site.path / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
    with (site.path / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1))
