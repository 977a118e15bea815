"""What is sent to a host that runs an earlier release: against the host's real calls, without a link."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sending import edited, kept, laid, words
from turnout.artifact.tree import Tree
from turnout.builder.cache import Cache
from turnout.events import Bus
from turnout.hosts.faults import fault
from turnout.model import LOCAL, Address
from turnout.steps.parcel import parts
from turnout.steps.send import send
from turnout.steps.work import Target
from turnout_host.calls import CALLS
from turnout_host.errors import HostError
from turnout_host.host import Args, Host

OLD = {"dist/app.js": words(1), "package.json": b"{}"}
NEW = {"dist/app.js": edited(1, 5), "package.json": b"{}"}


class Client:
    """A host program in this process; it counts what it is sent."""

    def __init__(self, path: Path) -> None:
        self.host, self.bytes_sent = Host(str(path)), 0
        self.hello = {"compressions": ["zstd", "zlib"]}
        self.host.deployment = "d"
        self.host.lease.acquire(lambda: 0, {"deployment": "d", "orphan": True}, 0.0, lambda _: None)

    async def call(self, name: str, on_event: Any = None, **args: Any) -> dict[str, Any]:
        self.bytes_sent += sum(len(str(value)) for value in args.values())
        try:
            return CALLS[name](self.host, Args(args), on_event or (lambda _: None))
        except HostError as error:
            told = {"code": error.code, "message": error.message, "detail": error.detail}
            raise fault(told, Address(LOCAL)) from None

    async def upload(self, chunks: Any, compression: str) -> dict[str, Any]:
        taken = list(chunks)
        self.bytes_sent += sum(map(len, taken))
        return await self.call("upload", chunks=iter(taken), compression=compression)


class Scene:
    """A cache with two builds and two layers; a host to which the older ones were sent."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder / "cache")
        self.old, self.new = self.kept("artifacts", "build-1", OLD), self.kept("artifacts", "build-2", NEW)
        self.layer = self.kept("layers", "dependencies-1", {"node_modules/x/x.js": words(2)})
        self.newer = self.kept("layers", "dependencies-2", {"node_modules/x/x.js": edited(2, 3)})
        self.client = Client(folder / "app")
        self.said: list[str] = []
        self.host = Target(Address(LOCAL), self.client)  # type: ignore[arg-type]
        self.host.state = {
            "running": None,
            "layers": [],
            "releases": [
                {
                    "release": "v1",
                    "build": "build-1",
                    "manifest": self.old.digest,
                    "dependencies": "dependencies-1",
                }
            ],
        }

    def kept(self, kind: str, key: str, files: dict[str, bytes]) -> Tree:
        return kept(self.cache.root / kind / key, files)

    def work(self, artifact: Tree, layer: Tree) -> Any:
        self.host.layers = {"dependencies": layer.key, "node": None}
        return SimpleNamespace(
            artifact=artifact,
            layers={layer.key: layer},
            cache=self.cache,
            bring=None,
            bus=Bus("d"),
            config=SimpleNamespace(release=SimpleNamespace(keep=5)),
            note=lambda text, step, host: self.said.append(text),
            notes=[],
            listen=lambda step, host: lambda event: None,
        )

    async def sent(self, artifact: Tree, layer: Tree) -> int:
        """Bytes that went to the host."""
        before = self.client.bytes_sent
        self.host.state["running"] = "v1" if artifact is self.new else None
        await send(self.work(artifact, layer), self.host, "upload")
        assert laid(self.client.host, artifact, f"v{self.client.bytes_sent}") == (
            NEW if artifact is self.new else OLD
        )
        return self.client.bytes_sent - before


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_a_second_release_costs_a_fraction(scene: Scene) -> None:
    """The artifact leans on the running release, the new layer on the one that it runs on."""
    first = await scene.sent(scene.old, scene.layer)
    assert await scene.sent(scene.new, scene.newer) < first / 3
    assert (scene.client.host.layout.layer("dependencies-2") / "node_modules/x/x.js").read_bytes() == edited(
        2, 3
    )


@pytest.mark.parametrize("hurt", ["manifest", "contents"])
async def test_what_cannot_be_patched_is_sent_whole(scene: Scene, hurt: str) -> None:
    """A hurt base is no failed deployment: a note says it, and everything arrives."""
    await scene.sent(scene.old, scene.layer)
    layout = scene.client.host.layout
    if hurt == "manifest":
        layout.manifest(scene.old.digest).write_text("")
    else:
        blob = layout.blob(next(one.blob for one in scene.old.manifest.entries if one.size > 2))
        blob.chmod(0o644)
        blob.write_bytes(b"hurt")
    await scene.sent(scene.new, scene.newer)
    assert [text.endswith("it is sent whole") for text in scene.said].count(True) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"build": None}, id="built elsewhere"),
        pytest.param({"build": "build-0"}, id="no longer in the cache"),
        pytest.param({"build": "../../x"}, id="no name for the cache"),
        pytest.param({"manifest": "0" * 64}, id="another artifact of this build"),
    ],
)
def test_without_the_old_contents_here_there_is_no_base(scene: Scene, change: dict[str, Any]) -> None:
    """A patch needs both sides; the layer has its own."""
    scene.host.state["releases"][0].update(change)
    scene.host.state["running"] = "v1"
    bases = [part.base for part in parts(scene.work(scene.new, scene.newer), scene.host)]
    assert bases == [None, scene.layer]


def test_a_host_without_zstd_gets_everything_whole(scene: Scene) -> None:
    """It could not apply a patch."""
    scene.host.state["running"] = "v1"
    scene.client.hello = {"compressions": ["zlib"]}
    assert [part.base for part in parts(scene.work(scene.new, scene.newer), scene.host)] == [None, None]
