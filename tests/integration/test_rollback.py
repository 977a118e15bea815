"""Going back to earlier releases, which are still there, blessed and complete."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.site import Site
from turnout.deploy import ROLLBACK

pytestmark = pytest.mark.integration
LITTLE = 10_000
"""Bytes of questions and answers; anything of a release would be more."""


@pytest.fixture(scope="module")
def three(live: Site) -> Site:
    """v1, v2 and v3 were deployed; v3 serves."""
    for words in ("Two", "Three"):
        live.greet(words)
        live.deploy()
    return live


def at(site: Site, release: str) -> None:
    """Begin where this release serves; costs nothing when it does already."""
    if site.current() != release:
        site.rollback(release)


@pytest.mark.parametrize("named", ["v9", "v3", "v0", "../x"])
def test_a_release_that_cannot_be_gone_back_to_is_refused(three: Site, named: str) -> None:
    """Unknown, running already, or no release at all; v3 goes on serving."""
    at(three, "v3")

    assert three.rollback(named, check=2).code == 2
    assert three.current() == "v3"
    assert three.serving() == {"v3"}


def test_the_earlier_release_answers_at_once_with_nothing_built_or_sent(three: Site) -> None:
    """Only the switch is made: no build, no upload, no migration, and no rehearsal while nothing changed around it."""
    at(three, "v3")
    with watched(three, "v2") as seen:
        run = three.rollback()

    end = run.finished
    assert (end["result"], end["exit_code"], end["release"], end["previous"]) == ("succeeded", 0, "v2", "v3")
    assert end["bytes_sent"] < LITTLE
    assert {event["step"] for event in run.events if event["type"] == "step.finished"} == set(ROLLBACK.names)
    assert run.step("rehearse")["status"] == "skipped"
    assert three.serving() == {"v2"}
    print(f"\nrollback: v2 answered {seen[0]:.2f} s after the command was started (3 s are wanted)")


def test_twice_goes_back_two(three: Site) -> None:
    """Without a number the target is the newest blessed release below the running one, not the one that ran before."""
    at(three, "v2")

    assert three.rollback().finished["release"] == "v1"
    assert three.serving() == {"v1"}
    assert three.answer("/").body == {"greeting": "Welcome to Blue Video"}


def test_below_the_oldest_release_there_is_nothing_to_go_back_to(three: Site) -> None:
    """Refused with 23, and the block says why."""
    at(three, "v1")

    run = three.rollback(check=23)

    assert run.finished["result"] == "refused"
    assert "no earlier blessed release" in run.err
    assert three.serving() == {"v1"}


def test_a_deployment_after_a_rollback_is_a_new_release(three: Site) -> None:
    """Numbers are never used twice; the way back from it is the release that served before it."""
    at(three, "v1")
    three.greet("After the rollback")

    end = three.deploy().finished

    assert (end["release"], end["previous"]) == ("v4", "v1")
    assert three.answer("/").body == {"greeting": "After the rollback"}


def test_a_number_leads_to_that_release_also_to_a_newer_one(three: Site) -> None:
    """From v1 to v3, which was blessed in its time."""
    at(three, "v1")

    end = three.rollback("v3").finished

    assert (end["release"], end["previous"]) == ("v3", "v1")
    assert three.serving() == {"v3"}
    assert three.answer("/").body == {"greeting": "Three"}


@contextlib.contextmanager
def watched(site: Site, release: str) -> Iterator[list[float]]:
    """Asks all the time; afterwards the list has the seconds until `release` first answered."""
    seen: list[float] = []
    ended, began = threading.Event(), time.monotonic()

    def ask() -> None:
        while not ended.wait(0.01):
            with contextlib.suppress(OSError):
                if site.answer().body["release"] == release:
                    seen.append(time.monotonic() - began)
                    return

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
