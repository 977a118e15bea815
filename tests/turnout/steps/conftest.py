"""A repository with two commits and a host that runs v1 of the first, for tests of what steps find out."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.turnout.source.conftest import Played
from turnout import __version__, config
from turnout.builder.cache import Cache
from turnout.config.surroundings import Reach
from turnout.events import Bus
from turnout.model import LOCAL, Address, DeployOptions
from turnout.steps import evidence
from turnout.steps.work import Target, Work

TOML = """\
app = "api"
source = "backend"
[environments.production]
path = "/srv/api"
hosts = ["local"]
branches = ["main"]
"""


class Client:
    """A host that is well, and whose .env is as it was; `changes` are answers that differ."""

    def __init__(self) -> None:
        self.changes: dict[str, Any] = {}
        self.asked: list[str] = []

    async def call(self, name: str, **_: Any) -> Any:
        self.asked.append(name)
        usual = {"survey": {"findings": [], "dotenv": {"digest": "d1"}}, "health": {"needs_a_look": []}}
        return usual[name] | self.changes.get(name, {})


class Scene:
    """A repository with two commits, and a host that runs v1 of the first."""

    def __init__(self, played: Played, tmp_path: Path) -> None:
        self.played, self.cache = played, Cache(tmp_path / "cache")
        (played.root / "turnout.toml").write_text(TOML)
        played.write(".git/info/exclude", "turnout.toml\n")
        played.write("backend/a.ts")
        self.first = played.commit("one")
        played.write("README.md")
        self.second = played.commit("docs")
        self.client = Client()
        self.record: dict[str, Any] = {}

    async def running(self, ref: str = "main", **changes: Any) -> Any:
        """What the gate says of v1 against `ref`; `changes` are fields of its record in the journal."""
        work = await self.work(ref)
        same = evidence.inputs_of(work.config, await work.repository.resolve(self.first, "backend"))  # type: ignore[union-attr]
        record = {
            "release": "v1",
            "revision": self.first,
            "state": "blessed",
            "inputs": same,
            "turnout": __version__,
            "processes": work.settings["processes"],
            "dotenv": {"base_digest": "d1"},
        }
        state = {"running": "v1", "serving": "v1", "releases": [record | changes]}
        work.targets = [Target(Address(LOCAL), self.client, state=state)]  # type: ignore[arg-type]
        facts = await evidence.gather(work, "main")
        assert facts.running
        return facts.running[0]

    async def work(self, ref: str = "main", environment: str | None = None, **options: Any) -> Work:
        read = config.load(None, self.played.root)
        to = read.environment(environment)
        reach = Reach((Address(LOCAL),))
        work = Work(read, to, reach, Bus("d"), self.cache, lambda _: None, AsyncExitStack())
        work.deploy = DeployOptions(ref, **options)
        await evidence.revision(work)
        return work


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    played = Played(tmp_path / "repo")
    played.git("init", "-q", "-b", "main")
    return Scene(played, tmp_path)
