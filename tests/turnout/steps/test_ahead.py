"""What goes ahead of the build: layers, made once and sent while it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.turnout.steps.test_send import Scene
from turnout.builder import dependencies, pruning
from turnout.builder.runtime import own_platform
from turnout.errors import BuildError
from turnout.model import LOCAL, Address
from turnout.steps import ahead
from turnout.steps.send import send
from turnout.steps.unchanged import same
from turnout.steps.work import Target


class Building:
    """A deployment whose build has not ended: nobody may ask for its artifact."""

    def __init__(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scene, self.made, self.fails = scene, 0, False
        self.work = scene.work(scene.new, scene.layer)
        del self.work.artifact
        self.work.layers, self.work.making, self.work.origin = {}, {}, None
        self.work.config.dependencies = self.work.runs = self.work.source = self.work
        self.work.where, self.work.node, self.work.targets = "auto", "20.20.2", [scene.host]
        self.work.note = lambda text, step, host=None: scene.said.append(text)
        self.work.output = lambda step: None
        self.begun, self.go, self.prunes = asyncio.Event(), asyncio.Event(), True
        self.work.installed = asyncio.Event()
        self.work.installed.set()
        self.work.modules = None
        scene.host.facts = {"platform": own_platform(), "disk": {"free": 1 << 40, "inodes_free": 1 << 30}}
        monkeypatch.setattr(dependencies, "key", lambda *_: "dependencies-1")
        monkeypatch.setattr(dependencies, "make", self.make)
        monkeypatch.setattr(pruning, "prunes", lambda *_: self.prunes)
        monkeypatch.setattr(ahead, "here", self.here)

    async def here(self, *_: Any) -> Any:
        return self.work

    async def make(self, *_: Any) -> Any:
        self.made += 1
        self.begun.set()
        await self.go.wait()
        if self.fails:
            raise BuildError("npm ci failed")
        return self.scene.layer


@pytest.fixture
def building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Building:
    return Building(Scene(tmp_path), monkeypatch)


async def test_the_layers_are_laid_out_before_the_build_has_ended(building: Building) -> None:
    """The upload finds only the artifact left to send."""
    host, work = building.scene.host, building.work
    ahead.begin(work, host)
    building.go.set()
    first = await ahead.sent(host)
    assert first.lacked == building.scene.layer.manifest.size
    assert building.scene.client.host.layout.layer("dependencies-1").is_dir()
    work.artifact = building.scene.new
    assert (await send(work, host, "upload")).lacked == building.scene.new.manifest.size


async def test_node_travels_while_the_dependencies_are_made(building: Building) -> None:
    """On a slow link a first deployment is mostly Node."""
    host, work = building.scene.host, building.work
    node = building.scene.kept("layers", "node-1", {"bin/node": b"an engine"})
    work.layers[node.key], host.layers = node, {"node": node.key}
    ahead.begin(work, host)
    async with asyncio.timeout(20):
        while node.key not in host.laid:
            await asyncio.sleep(0)
    assert not building.go.is_set()
    building.go.set()
    assert (await ahead.sent(host)).lacked == node.manifest.size + building.scene.layer.manifest.size


@pytest.mark.parametrize("room", [1 << 40, 100_000])
async def test_the_dependencies_wait_for_what_the_build_installs(building: Building, room: int) -> None:
    """They are made of it; where it cannot be used, they are made beside it."""
    building.scene.host.facts["disk"]["free"] = room
    building.work.installed.clear()
    wait, asked = building.work.installed.wait, asyncio.Event()

    async def waiting() -> None:
        asked.set()
        await wait()

    building.work.installed.wait = waiting
    building.go.set()
    ahead.begin(building.work, building.scene.host)
    await asyncio.wait_for(asked.wait(), 20)
    assert building.made == 0
    building.work.installed.set()
    await ahead.sent(building.scene.host)
    assert building.made == 1


async def test_dependencies_that_are_no_pruned_build_wait_for_nothing(building: Building) -> None:
    """Their commands are their own."""
    building.work.installed.clear()
    building.prunes = False
    building.go.set()
    ahead.begin(building.work, building.scene.host)
    await asyncio.wait_for(ahead.sent(building.scene.host), 20)
    assert building.made == 1


@pytest.mark.parametrize("what", ["free", "inodes_free"])
async def test_a_host_short_of_room_gets_nothing_ahead(building: Building, what: str) -> None:
    """It is to refuse before anything is sent, and only with the artifact is it known what all of it takes."""
    host = building.scene.host
    host.facts["disk"][what] = 100_000
    building.go.set()
    ahead.begin(building.work, host)
    assert (await ahead.sent(host)).lacked == 0
    assert (building.made, host.laid) == (1, set())


async def test_a_host_whose_survey_refuses_stops_what_goes_to_the_others(building: Building) -> None:
    """Nothing is sent anywhere before every survey is passed."""
    other = Target(building.scene.host.address, building.scene.client)  # type: ignore[arg-type]
    building.work.targets = [building.scene.host, other]
    ahead.begin(building.work, building.scene.host)
    assert building.scene.host.ahead is None
    other.facts, other.state = building.scene.host.facts, building.scene.host.state
    building.go.set()
    ahead.begin(building.work, other)
    assert (await ahead.sent(building.scene.host)).lacked == building.scene.layer.manifest.size


async def test_what_two_hosts_lack_is_made_once(building: Building) -> None:
    """Both get the same tree."""
    first, second = building.scene.host, Target(building.scene.host.address, building.scene.client)  # type: ignore[arg-type]
    second.facts, second.state = first.facts, first.state
    building.go.set()
    await asyncio.gather(*(ahead.layer_of(building.work, host) for host in (first, second)))
    assert building.made == 1
    assert first.layers["dependencies"] == second.layers["dependencies"] == "dependencies-1"


async def test_its_failure_is_that_of_the_package(building: Building) -> None:
    """Nothing is lost of what npm said, however long before it happened."""
    building.fails = True
    ahead.begin(building.work, building.scene.host)
    building.go.set()
    await building.begun.wait()
    with pytest.raises(BuildError, match="npm ci failed"):
        await ahead.layer_of(building.work, building.scene.host)
    with pytest.raises(BuildError, match="npm ci failed"):
        await ahead.sent(building.scene.host)


async def test_a_build_that_fails_stops_it(building: Building) -> None:
    """No npm goes on behind a deployment that has ended."""
    ahead.begin(building.work, building.scene.host)
    await building.begun.wait()
    await ahead.stop(building.work)
    assert building.work.making["dependencies-1"].cancelled()


async def test_layers_alone_bring_no_contents_of_the_artifact(building: Building) -> None:
    """A build that a host has already is not made here because a layer is lacking."""

    async def bring(_names: set[str]) -> None:
        pytest.fail("it was built after all")

    building.work.bring = bring
    building.go.set()
    ahead.begin(building.work, building.scene.host)
    assert (await ahead.sent(building.scene.host)).lacked


@pytest.mark.parametrize("lost", [True, False])
async def test_a_layer_that_was_lost_and_went_ahead_is_a_change(lost: bool) -> None:
    """What serves ran without it, so it is deployed and proved anew, however quickly the layer came."""
    record = {"release": "v1", "artifact": "a", "dependencies": "d-1", "processes": {}, "state": "blessed"}

    async def well(*_: Any, **__: Any) -> dict[str, Any]:
        return {"needs_a_look": []}

    host = Target(Address(LOCAL), SimpleNamespace(call=well))  # type: ignore[arg-type]
    host.layers, host.laid = {"dependencies": "d-1"}, {"d-1"}
    host.state = {"running": "v1", "serving": "v1", "layers": [] if lost else ["d-1"]}
    host.state["releases"] = [record | {"toolchain": {"node": None, "pm2": None}}]
    work: Any = SimpleNamespace(artifact=SimpleNamespace(digest="a"), settings={"processes": {}})
    assert await same(work, host) is not lost


async def test_a_promotion_makes_and_sends_nothing_ahead(building: Building) -> None:
    """Its layers come from the other environment's host."""
    building.work.origin = building.work
    ahead.begin(building.work, building.scene.host)
    assert building.scene.host.ahead is None
