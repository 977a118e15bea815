"""From staging to production: two servers, each with its own sshd and PM2; production gets what staging blessed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import Run
from tests.support.site import Site

pytestmark = pytest.mark.integration
LITTLE = 12_000
"""Bytes of questions and answers, and a few kB of changed code."""
ENVIRONMENTS = """
[environments.staging]
hosts = ["{address}"]
path = "{path}"
branches = ["main", "next"]

[environments.qa]
hosts = ["{address}"]
path = "{path}-qa"
branches = ["main"]
"""
NOT_TO_BE_RUN = """#!/bin/sh
echo "$0 $*" >> {log}
exit 9
"""


class Pair:
    """Staging and production; the repository, its turnout.toml and the deployer are those of production's site."""

    def __init__(self) -> None:
        self.staging = Site()
        try:
            self.production = Site(
                more=ENVIRONMENTS.format(address=self.staging.sshd.address, path=self.staging.path)
            )
        except BaseException:
            self.staging.close()
            raise
        key = (self.production.sshd.folder / "client_key.pub").read_text()
        with (self.staging.sshd.folder / "authorized_keys").open("a") as file:
            file.write(key)
        self.known_hosts = self.staging.sshd.host_key_line + self.production.sshd.host_key_line

    def turnout(self, *words: str, check: int | None = 0, **env: str) -> Run:
        """Run the real command."""
        return self.production.turnout(*words, check=check, **{"VPS_KNOWN_HOSTS": self.known_hosts, **env})

    def to_staging(self, *words: str, check: int | None = 0) -> Run:
        """`turnout deploy staging --json`."""
        return self.turnout("deploy", "staging", "--json", *words, check=check)

    def promote(self, *words: str, check: int | None = 0, **env: str) -> Run:
        """`turnout promote staging production --json`."""
        return self.turnout("promote", *(words or ("staging", "production")), "--json", check=check, **env)

    def close(self) -> None:
        """End both."""
        self.production.close()
        self.staging.close()


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """v1 serves on staging; production has nothing but sshd and python3."""
    made = Pair()
    try:
        made.to_staging()
        yield made
    finally:
        made.close()


def artifact(site: Site, release: str) -> str:
    """By the host's journal."""
    return str(
        next(one for one in site.journal() if one["type"] == "release.staged" and one["release"] == release)[
            "artifact"
        ]
    )


def test_the_very_artifact_comes_from_the_staging_host_to_a_production_that_has_nothing(pair: Pair) -> None:
    """With an empty cache, and npm forbidden: artifact, dependencies, Node and PM2 are fetched, checked and sent on."""
    forbidden = pair.production.root / "not-to-be-run"
    forbidden.mkdir()
    for name in ("npm", "npx"):
        (forbidden / name).write_text(NOT_TO_BE_RUN.format(log=forbidden / "called"))
        (forbidden / name).chmod(0o755)

    run = pair.promote(
        TURNOUT_CACHE=str(pair.production.root / "empty-cache"),
        PATH=f"{forbidden}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    )

    end = run.finished
    assert (end["result"], end["release"], end["previous"]) == ("succeeded", "v1", None)
    assert not (forbidden / "called").exists()
    assert run.step("fetch")["status"] == "reused"
    assert "build" not in {event.get("step") for event in run.events}
    assert artifact(pair.production, "v1") == artifact(pair.staging, "v1")
    staged = next(one for one in pair.production.journal() if one["type"] == "release.staged")
    assert staged["promoted"] == "staging v1"
    assert pair.production.serving() == {"v1"}
    assert pair.staging.serving() == {"v1"}
    assert not list((pair.production.root / "empty-cache/tmp").iterdir())


def test_the_same_again_changes_nothing(pair: Pair) -> None:
    """Production has this artifact and serves it well."""
    end = pair.promote().finished

    assert (end["result"], end["exit_code"], end["release"]) == ("unchanged", 0, "v1")


def test_only_the_change_travels_and_from_the_cache_where_it_is_there(pair: Pair) -> None:
    """What this machine built for staging is not fetched back."""
    pair.production.greet("Two")
    pair.to_staging()

    run = pair.promote()

    end = run.finished
    assert (end["result"], end["release"], end["previous"]) == ("succeeded", "v2", "v1")
    assert end["bytes_sent"] < LITTLE
    assert not [event for event in run.events if "fetching" in str(event.get("message"))]
    assert artifact(pair.production, "v2") == artifact(pair.staging, "v2")
    assert pair.production.answer("/").body == {"greeting": "Two"}


def test_what_failed_on_staging_is_not_promoted(pair: Pair) -> None:
    """What serves there, blessed, is still the release before; production has it already."""
    pair.production.commit(
        {"backend/src/config/env.ts": "throw new Error('crash at boot');\nexport {};\n"}, "Crash"
    )
    assert pair.to_staging(check=None).code != 0

    assert pair.promote().finished["result"] == "unchanged"
    pair.production.git("revert", "--no-edit", "HEAD")


def test_the_gate_of_production_counts(pair: Pair) -> None:
    """A revision that is on none of production's branches stays on staging, though it is blessed there."""
    pair.production.git("checkout", "-q", "-b", "next")
    pair.production.greet("Next")
    pair.to_staging()
    pair.production.git("checkout", "-q", "main")

    run = pair.promote(check=10)

    assert run.finished["result"] == "refused"
    assert "none of the branches of production" in run.err
    assert pair.production.serving() == {"v2"}


def test_the_rules_of_production_count_and_urgency_passes_them(pair: Pair) -> None:
    """A closed window and a soak stop it unless it is urgent; its checks are run, and one that fails refuses."""
    file = pair.production.repo / "turnout.toml"
    before, table = file.read_text(), "[environments.production]\n"
    rules = f'{table}windows = ["not 00:00-24:00"]\nrequires = "staging"\nsoak = "1h"\n'
    urgent = ("staging", "production", "--urgent", "--reason", "payments fail")
    pair.production.greet("Three")
    pair.to_staging()
    try:
        file.write_text(before.replace(table, rules))
        closed = pair.promote(check=10)
        file.write_text(before.replace(table, f'{rules}checks = ["false"]\n'))
        failed = pair.promote(*urgent, check=10)
        file.write_text(before.replace(table, rules))
        run = pair.promote(*urgent)
    finally:
        file.write_text(before)

    assert closed.finished["error"]["message"].startswith("the window of production never opens")
    assert failed.finished["error"]["message"] == "a check failed: `false` exited with 1"
    assert not failed.step("upload")
    assert (run.finished["result"], pair.production.answer("/").body) == ("succeeded", {"greeting": "Three"})
    assert "passed by urgency: it has run on staging for" in run.step("gate")["detail"]
    begun = [entry for entry in pair.production.journal() if entry["type"] == "deployment.started"][-1]
    assert (begun["urgent"], begun["reason"]) == (True, "payments fail")


def test_an_environment_where_nothing_serves_has_nothing_to_promote(pair: Pair) -> None:
    """Refused with 10, and the deploy to type; so is an environment that is promoted to itself, with 2."""
    run = pair.promote("qa", "production", check=10)

    assert "turnout deploy qa" in run.err
    assert pair.promote("production", "production", check=2).code == 2
    assert pair.promote("nowhere", "production", check=2).code == 2
