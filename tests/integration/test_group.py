"""Two servers of one environment: they bless a release together, or both stay on the one before.

The second one's path is the first one's name for it, as on two machines: its sshd has a mount namespace of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.test_bad_release import misbehaving
from tests.support.client import Run
from tests.support.site import Site
from tests.support.told import told
from turnout.cli.demo.traffic import TrafficThread

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="a second host on one machine needs root for its mounts"),
]


class Group:
    """`first` holds repository, turnout.toml and deployer, too."""

    def __init__(self) -> None:
        self.first, self.second = Site(), Site()
        try:
            self._join()
        except BaseException:
            self.close()
            raise

    def _join(self) -> None:
        misbehaving(self.first)
        self.wrong()
        file = self.first.repo / "turnout.toml"
        one, other = (f'"{site.sshd.address}"' for site in (self.first, self.second))
        file.write_text(file.read_text().replace(f"hosts = [{one}]", f"hosts = [{one}, {other}]"))
        key = (self.first.sshd.folder / "client_key.pub").read_text()
        (self.second.sshd.folder / "authorized_keys").write_text(key)
        self.second.sshd.stop()
        mount = f'mount --bind {self.second.path} {self.first.path} && exec "$@"'
        self.second.sshd.inside = ["unshare", "--mount", "sh", "-c", mount, "sh"]
        self.second.sshd.start()
        self.known_hosts = self.first.sshd.host_key_line + self.second.sshd.host_key_line

    def deploy(self, check: int) -> Run:
        return self.first.deploy(check=check, VPS_KNOWN_HOSTS=self.known_hosts)

    def serving(self) -> list[set[str]]:
        return [self.first.serving(), self.second.serving()]

    def wrong(self, first: str = "", second: str = "") -> None:
        """What goes wrong on each from now on."""
        self.first.write_dotenv(MISBEHAVE=first or "nowhere:")
        one_database = {"DATABASE_URL": f"file:{self.first.database}"}
        self.second.write_dotenv(MISBEHAVE=second or "nowhere:", **one_database)

    def close(self) -> None:
        self.second.close()
        self.first.close()


@pytest.fixture(scope="module")
def group() -> Iterator[Group]:
    """v1 serves on both."""
    made = Group()
    try:
        made.deploy(0)
        yield made
    finally:
        made.close()


def kinds(site: Site) -> list[str]:
    """The types of the last deployment's entries in a journal."""
    journal = site.journal()
    last = [entry["deployment"] for entry in journal if entry["deployment"]][-1]
    return [entry["type"] for entry in journal if entry["deployment"] == last]


def test_both_hosts_bless_a_release_that_is_well_on_both(group: Group) -> None:
    """One host after the other: the second is not touched before the first has baked."""
    group.wrong()
    group.first.greet("Well")

    run = group.deploy(0)

    assert run.finished["result"] == "succeeded"
    assert group.serving() == [{"v2"}, {"v2"}]
    for site in (group.first, group.second):
        order = [
            kind for kind in kinds(site) if kind in ("activation.baked", "group.well", "release.blessed")
        ]
        assert order == ["activation.baked", "group.well", "release.blessed"]
    steps = [
        (event["step"], event["host"])
        for event in run.events
        if event["type"] == "step.finished" and event["step"] in ("activate", "verify")
    ]
    one, other = (str(site.sshd.address) for site in (group.first, group.second))
    assert steps == [("activate", one), ("verify", one), ("activate", other), ("verify", other)]


def test_one_that_is_sick_on_the_second_host_is_taken_back_from_the_first(group: Group) -> None:
    """50, reverted; users of both see the old release again, and the state of each host is told."""
    before = group.serving()
    group.wrong(second="workers:sick")
    with TrafficThread(group.first.port, "/", keep_alive=2, fresh=2) as users:
        run = group.deploy(50)
        figures = users.stop()

    block = told(run, 50, "reverted")
    (old,) = before[0]
    assert group.serving() == before
    assert f"{old} serves on {group.first.sshd.address} again, proved" in block.text
    assert f"{old} serves on {group.second.sshd.address} again, proved" in block.text
    assert "group.sick" in kinds(group.first)
    assert figures.failed == 0
    assert [site.journal()[-1]["result"] for site in (group.first, group.second)] == ["reverted", "reverted"]


def test_a_rehearsal_that_fails_on_one_host_touches_none(group: Group) -> None:
    """50, failed: no host was asked to switch."""
    before = group.serving()
    group.wrong(second="everywhere:sick")

    run = group.deploy(50)

    assert told(run, 50).text
    assert not run.step("activate")
    assert group.serving() == before
