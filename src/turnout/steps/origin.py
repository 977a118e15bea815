"""Where a promoted artifact comes from: the release that serves in another environment, blessed; nothing is built."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from turnout import text
from turnout.artifact import manifest
from turnout.artifact.fetched import Fetched
from turnout.artifact.tree import Tree
from turnout.builder.build import Built
from turnout.builder.cache import NAME
from turnout.errors import GateRefused, PackageError, TurnoutError
from turnout.steps.checks import checks, same_as_promised
from turnout.steps.connect import first_error
from turnout.steps.reach import connect
from turnout.steps.work import Done, Origin, Work

if TYPE_CHECKING:
    from pathlib import Path

    from turnout.config.schema import Environment
    from turnout.config.surroundings import Reach
    from turnout.model import Address


async def begin(environment: Environment, reach: Reach, work: Work) -> None:
    """Find what serves in `environment`, and make its revision, artifact and layers those of this work."""
    found = await asyncio.gather(
        *(_reach(environment, reach, address, work) for address in reach.hosts), return_exceptions=True
    )
    first_error(found)
    origins = [one for one in found if isinstance(one, Origin)]
    for origin in origins:
        _must_be_blessed(origin)
    _must_agree(origins)
    work.origin = origins[0]
    work.deploy = replace(work.deploy, ref=str(origins[0].record["revision"]))
    await _offer(work, origins[0])


async def fetch(work: Work) -> Done:
    """The very artifact that was blessed there: nothing is built, and its digest is the one of the journal there.

    The `checks` of the environment that gets it are its own, and are run.
    """
    assert work.origin
    passed = await checks(work, "fetch")
    assert work.origin.artifact
    artifact, record = work.origin.artifact, work.origin.record
    work.built = Built(artifact, True, True, 0.0)
    work.notes.append(f"the artifact of {work.origin.title}, {artifact.digest[:12]}; nothing was built")
    same_as_promised(work)
    work.notes += _differs(work, work.origin)
    said = f"{work.origin.title}, {artifact.digest[:12]}, by {record.get('by')}"
    return Done("; ".join([*passed, said]), "reused")


def _differs(work: Work, origin: Origin) -> list[str]:
    """What it was blessed on there, and will not run on here: that it was well there proves less then."""
    there = (
        str((origin.record.get("toolchain") or {}).get("node") or "").removeprefix("node-").partition("-")[0]
    )
    platform, notes = origin.facts["platform"], []
    if there and there != work.runs.node:
        notes.append(f"it was blessed on Node {there}, and runs on {work.runs.node} here")
    others = [host for host in work.targets if host.platform != platform]
    notes += [
        f"{host.name} is {host.platform}, {origin.environment} {platform}: its dependencies are made anew"
        for host in others
    ]
    return notes


async def _reach(environment: Environment, reach: Reach, address: Address, work: Work) -> Origin:
    try:
        client = await connect(environment, reach, address)
        work.stack.push_async_callback(client.close)
        state, facts = await asyncio.gather(client.call("state"), client.call("facts"))
    except TurnoutError as error:
        error.host = f"{address}, {environment.name}"
        raise
    return Origin(environment.name, address, client, state, facts)


def _must_be_blessed(origin: Origin) -> None:
    state, name = origin.state, origin.environment
    if state["open"]:
        raise GateRefused(
            f"a deployment is under way in {name}: {state['open'].get('release')} is not blessed yet",
            where=str(origin.address),
            remedy=[f"turnout status {name}", "wait for it to end, then the same command again"],
        )
    if origin.record.get("state") != "blessed":
        raise GateRefused(
            f"nothing that was blessed serves in {name}",
            where=str(origin.address),
            remedy=f"turnout deploy {name}",
        )
    if not origin.record.get("artifact"):
        raise GateRefused(
            f"what serves in {name} was adopted, so it has no artifact that could be brought elsewhere",
            where=str(origin.address),
            remedy=f"turnout deploy {name}",
        )
    if state["running"] != state["serving"]:
        raise GateRefused(
            f"{name} runs {state['running'] or 'nothing of ours'}, put there by a hand, not {state['serving']}",
            where=str(origin.address),
            remedy=[f"turnout status {name}", f"turnout deploy {name}"],
        )


def _must_agree(origins: list[Origin]) -> None:
    if len({origin.record["artifact"] for origin in origins}) > 1:
        raise GateRefused(
            f"the hosts of {origins[0].environment} do not run the same artifact",
            why=[f"{one.address}: {one.record['release']}, {one.record['artifact'][:12]}" for one in origins],
            remedy=f"turnout deploy {origins[0].environment}",
        )


async def _offer(work: Work, origin: Origin) -> None:
    """Take the manifests of the artifact and its layers; contents stay there until a host turns out to lack them."""
    record, folder = origin.record, work.stack.enter_context(work.cache.workspace())
    answer = await origin.client.call("offer", release=record["release"])
    listed = manifest.unpack(str(answer["manifest"]))
    if listed.digest != record["artifact"]:
        raise PackageError(
            f"the manifest of {origin.title} is not the one that was blessed there",
            where=str(origin.address),
            remedy=f"turnout deploy {origin.environment}",
        )
    origin.artifact = _tree(work, "artifacts", str(record.get("build") or ""), listed, folder / "artifact")
    layers = {key: manifest.unpack(packed) for key, packed in answer["layers"].items() if NAME.fullmatch(key)}
    work.layers |= {key: _tree(work, "layers", key, found, folder / key) for key, found in layers.items()}
    trees = [origin.artifact, *work.layers.values()]
    work.bring = Bring(work, origin, [tree for tree in trees if tree.folder.parent != folder], trees)


def _tree(work: Work, kind: str, key: str, listed: manifest.Manifest, away: Path) -> Tree:
    """From this machine's cache if it has exactly this, else to be fetched."""
    entry = work.cache.find(kind, key)
    kept = Tree.load(key, entry) if entry else None
    return kept if kept and kept.digest == listed.digest else Tree(key, away, listed)


class Bring:
    """Fetches contents from the host of the origin, each once; what a tree of the cache has is taken from there."""

    def __init__(self, work: Work, origin: Origin, kept: list[Tree], trees: list[Tree]) -> None:
        self._work, self._origin, self._alone = work, origin, asyncio.Lock()
        self._kept, self._away = kept, [tree for tree in trees if tree not in kept]
        self._brought: set[str] = set()

    async def __call__(self, names: set[str]) -> None:
        """These are on this machine afterwards. Raises PackageError for what does not match its digest."""
        async with self._alone:
            names = names - self._brought
            self._brought |= names
            here = await asyncio.to_thread(_places, self._kept, names)
            away = await asyncio.to_thread(_places, self._away, names - here.keys())
            if away:
                await self._fetch(away)
            await asyncio.to_thread(self._spread, names, here | away)

    async def _fetch(self, places: dict[str, tuple[str, int]]) -> None:
        size = text.size(sum(size for _, size in places.values()))
        self._work.note(f"fetching {size} from {self._origin.environment}", "upload")
        fetched = Fetched(places)
        try:
            await self._origin.client.call("give", fetched.hear, names=list(places))
            fetched.end()
        except TurnoutError as error:
            error.host = f"{self._origin.address}, {self._origin.environment}"
            raise

    def _spread(self, names: set[str], places: dict[str, tuple[str, int]]) -> None:
        """The same contents stand in several trees, or at several places of one."""
        for tree in self._away:
            for entry in tree.manifest.files:
                path = tree.folder / entry.path
                if entry.blob in names and str(path) != places[entry.blob][0]:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.hardlink_to(places[entry.blob][0])


def _places(trees: list[Tree], names: set[str]) -> dict[str, tuple[str, int]]:
    """Where trees have these blobs first, and their sizes. No Path for each: it takes a kilobyte."""
    found: dict[str, tuple[str, int]] = {}
    for tree in trees:
        for entry in tree.manifest.files:
            if entry.blob in names:
                found.setdefault(entry.blob, (f"{tree.folder}/{entry.path}", entry.size))
    return found
