"""Two hosts behind two pipes, each with a small app on a PM2 of its own: how a switch of a whole group ends.

test_group.py deploys the sample to two real servers; here is what takes no build and no root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.turnout_host.site import Site
from turnout import config
from turnout.builder.cache import Cache
from turnout.config.surroundings import Reach
from turnout.events import Bus
from turnout.hosts import transport
from turnout.hosts.client import HostClient
from turnout.model import LOCAL, Address, Outcome
from turnout.plan import Plan, Step
from turnout.runner import _run
from turnout.steps import activate, save, verify
from turnout.steps.connect import connect
from turnout.steps.work import Done, Work
from turnout_host.journal import Journal

pytestmark = pytest.mark.integration
TOML = """\
app = "app"
[environments.production]
path = "/srv/app"
hosts = ["local"]
branches = ["main"]
[health]
bake = "0.5s"
start_period = "5s"
"""


@dataclass
class Group:
    sites: list[Site]
    folder: Path

    def release(self, name: str, *modes: str) -> None:
        """Lay a release out on each host, as its rehearsal would leave it."""
        for site, mode in zip(self.sites, modes, strict=True):
            site.release(name, mode)
            runs = {"node": None, "pm2": "pm2-7", "path": os.environ["PATH"], "pm2_home": site.home}
            known = {"release": name, "release_id": f"{name}-0", "toolchain": runs}
            known |= {"processes": site.settings, "health": site.health}
            Journal(site.layout).append("release.staged", "earlier", **known)

    def begin(self) -> None:
        """v1 serves everywhere."""
        self.release("v1", "ok", "ok")
        for site in self.sites:
            site.prove("v1", site.reload("v1"))
            Journal(site.layout).append("release.blessed", "earlier", release="v1")

    async def switch(self, name: str, *modes: str) -> Outcome:
        """A deployment whose steps before `activate` only lay out what is to serve."""
        (self.folder / "turnout.toml").write_text(TOML)
        read = config.load(None, self.folder)
        addresses = tuple(Address(LOCAL, f"h{number}") for number in range(len(self.sites)))
        paths = {address: str(site.layout.path) for address, site in zip(addresses, self.sites, strict=True)}

        async def reach(address: Address) -> HostClient:
            return await HostClient.open(transport(Address(LOCAL), None, None), paths[address])

        async def survey(work: Work) -> Done:
            await connect(work, "survey")
            self.release(name, *modes)
            for target in work.targets:
                target.release = name
            return Done()

        steps: Any = (
            Step("survey", "deployer", survey),
            Step("activate", "first host first", activate.activate),
            Step("verify", "first host first", verify.verify),
            Step("save", "each host", save.save),
        )
        async with AsyncExitStack() as stack:
            cache = Cache(self.folder / "cache")
            bus = Bus("d-" + name)
            work = Work(read, read.environment(None), Reach(addresses), bus, cache, reach, stack)
            return await _run(Plan("deploy", steps), work)

    def serving(self) -> list[Any]:
        return [(site.probe().ask().body or {}).get("release") for site in self.sites]

    def kinds(self, name: str) -> list[list[str]]:
        """What each host's journal says of the switch to a release."""
        return [[one["type"] for one in Journal(site.layout).since(0, "d-" + name)] for site in self.sites]


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    monkeypatch.setenv("TURNOUT_BOOT", "none")
    sites: list[Site] = []
    try:
        sites += [Site() for _ in range(2)]
        made = Group(sites, tmp_path)
        made.begin()
        yield made
    finally:
        for site in sites:
            site.close()


async def test_a_release_that_is_well_on_both_is_blessed_on_both(group: Group) -> None:
    """Each waits for the word, and has it before it blesses."""
    outcome = await group.switch("v2", "ok", "ok")
    assert (outcome.result, outcome.exit_code) == ("succeeded", 0)
    assert group.serving() == ["v2", "v2"]
    for kinds in group.kinds("v2"):
        wanted = ("activation.baked", "group.well", "release.blessed", "activation.ended")
        assert [kind for kind in kinds if kind in wanted] == list(wanted)


async def test_one_that_is_sick_on_the_second_host_goes_back_on_both(group: Group) -> None:
    """The first one had baked, and waited for the word."""
    outcome = await group.switch("v2", "ok", "500")
    assert (outcome.result, outcome.exit_code) == ("reverted", 50)
    assert group.serving() == ["v1", "v1"]
    first, second = group.kinds("v2")
    assert first.index("activation.baked") < first.index("group.sick") < first.index("activation.reverted")
    assert "release.blessed" not in first + second
