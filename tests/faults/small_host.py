"""A small host: a real host program over pipes, a tiny app, a real PM2. Quick enough to be hurt hundreds of times."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.turnout_host.goods import Program, Tree, contents, pack, sha, stream, text
from tests.turnout_host.site import ECOSYSTEM, MODES, Site, until
from turnout.hosts.client import HostClient
from turnout.hosts.local import LocalTransport
from turnout_host import ledger, proc
from turnout_host.journal import Journal
from turnout_host.lease import Lease
from turnout_host.state import State
from turnout_host.store import Store
from turnout_host.switch import target

WORKER = "pointsman-worker"


class SmallHost(Site):
    """Nothing is deployed yet; `surroundings` are what the login of its user has."""

    def __init__(self) -> None:
        super().__init__()
        self.made = self.deployments = 0
        self.found: list[str] = []
        """What did not hold at a contact."""
        self.fault = self.root / "fault"
        self.health |= {"passes": 1, "retries": 2, "bake": 0, "interval": 0.02, "start_period": 30.0}
        self.layout.dotenv.write_text(f"PORT={self.port}\nSECRET=from-the-dotenv\n")
        home = self.root / "home"
        home.mkdir()
        (home / ".profile").write_text(f'PATH="{os.environ["PATH"]}"\n')
        self.surroundings = {
            "HOME": str(home),
            "PM2_HOME": self.home,
            "TURNOUT_BOOT": "none",
            "TURNOUT_FAULTS": str(self.fault),
        }

    # the deployer's side

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[HostClient]:
        """A link to a host program of its own; nothing was asked yet."""
        with pytest.MonkeyPatch.context() as patch:
            for key, value in self.surroundings.items():
                patch.setenv(key, value)
            client = await HostClient.open(LocalTransport(), str(self.layout.path))
        async with client:
            yield client

    async def acquire(self, client: HostClient) -> dict[str, Any]:
        """Take the lease for a new deployment. Whatever was left open or over is ended by then, and that is checked."""
        self.deployments += 1
        answer = await client.call("acquire", deployment=self.deployment, by="ada@laptop")
        client.token = answer["token"]
        self.found += self.problems()
        return answer

    @property
    def deployment(self) -> str:
        """The newest one's id."""
        return f"d{self.deployments}"

    async def bring(self, client: HostClient, mode: str = "anonymous") -> str:
        """Send, lay out and prepare the artifact that was made last, with dependencies of its own; the release."""
        app, dependencies = self._app(mode), self._dependencies()
        parts = [{"packed": pack(text(tree)), "digest": _digest(tree)} for tree in (app, dependencies)]
        await client.call("lacks", manifests=parts)
        await client.upload(stream([*contents(app), *contents(dependencies)]), "zstd")
        about = {"deployment": self.deployment, "revision": "r" * 40, "by": "ada@laptop", "shared": ["logs"]}
        staged = await client.call("stage", manifest=_digest(app), artifact=_digest(app), **about)
        release = str(staged["release"])
        await client.call("dotenv", release=release)
        await client.call("lay_layer", key=self._key, manifest=_digest(dependencies))
        layers = {"dependencies": self._key, "node": None, "pm2": "pm2-7"}
        settings = {"processes": self.settings, "health": self.health | {"port": None}}
        await client.call("install", release=release, layers=layers, **settings)
        return release

    async def switch(self, client: HostClient, release: str) -> dict[str, Any]:
        """Activate it and read along to the end."""
        about = {"deployment": self.deployment, "kind": "deploy", "by": "ada@laptop"}
        ended = await client.call("activate", release=release, boot_seconds=0.1, until=[], **about)
        return dict(ended["entry"])

    def _app(self, mode: str) -> Tree:
        own = {"mode": mode, "release": str(self.made), "port": self.port}
        extra = "{ instances: 1 }"
        return {
            "server.js": MODES.encode(),
            "release.json": json.dumps(own).encode(),
            "ecosystem.config.js": ECOSYSTEM.replace("PORT_HERE", str(self.port))
            .replace("EXTRA", extra)
            .encode(),
        }

    def _dependencies(self) -> Tree:
        return {
            "node_modules/a/index.js": f"// {self.made}\n".encode(),
            "node_modules/a/run": Program(b"#!node\n"),
        }

    @property
    def _key(self) -> str:
        return f"deps-{self.made}"

    # faults

    def lay(self, point: str, act: str) -> None:
        """From now on the first program that comes to `point` does `act`."""
        new = self.root / "fault.new"
        new.write_text(json.dumps({"point": point, "act": act}))
        new.rename(self.fault)

    def workers(self) -> list[int]:
        """Pids of the pointsman's workers."""
        return [pid for pid in self._ours() if WORKER in proc.cmdline(pid)]

    def _ours(self) -> list[int]:
        words = ((pid, proc.cmdline(pid)) for pid in proc.pids())
        return [pid for pid, said in words if "turnout_host" in said and str(self.layout.path) in said]

    def close(self) -> None:
        """See Site; a pointsman that was stopped and never continued is ended as well."""
        for pid in self._ours():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        super().close()

    # what must hold

    def entries(self) -> list[dict[str, Any]]:
        """All of the journal that is whole."""
        lines = self.layout.journal.read_bytes().splitlines() if self.layout.journal.exists() else []
        return [json.loads(line) for line in lines]

    def append(self, kind: str, token: int | None, **fields: Any) -> None:
        """Write an entry of the journal, as the holder of this token."""
        Journal(self.layout, lambda: token or 0).append(kind, self.deployment, **fields)

    def state(self) -> State:
        """What the journal amounts to."""
        return Journal(self.layout).state

    def problems(self) -> list[str]:
        """What does not hold (DESIGN 9) when nothing is under way, each in a sentence."""
        return [*self._journal(), *self._trees(), *self._leftovers(), *self._processes()]

    def free(self) -> None:
        """Wait until nobody holds the lease."""
        until(lambda: Lease(self.layout).holder() is None)

    def _journal(self) -> Iterator[str]:
        read = ledger.read(self.layout.journal)
        yield from (f"4: line {number} of the journal: {wrong}" for number, wrong in read.wrong)
        if read.torn:
            yield "5: the journal ends in half a line"
        if self.state().open:
            yield "3: an activation is open"

    def _trees(self) -> Iterator[str]:
        state, store = self.state(), Store(self.layout)
        current = self.layout.name_of(target(self.layout))
        if current != state.serving:
            yield f"3: `current` leads to {current}, by the journal {state.serving} serves"
        for name, record in state.releases.items():
            if record["state"] != "blessed":
                continue
            ignore = (".env", "node_modules", "logs")
            hurt = store.verify(store.manifest(record["manifest"]), self.layout.release(name), ignore)
            layer = str(record["dependencies"])
            hurt += store.verify(store.manifest(str(state.layers[layer])), self.layout.layer(layer))
            if hurt:
                yield f"2: {name}: {hurt[:3]}"

    def _leftovers(self) -> Iterator[str]:
        blessed = {str(record["release"]) for record in self.state().blessed()}
        if strange := {path.name for path in self.layout.releases.iterdir()} - blessed:
            yield f"7: folders of releases that are not blessed: {sorted(strange)}"
        if left := sorted(path.name for path in self.layout.tmp.iterdir()):
            yield f"7: temporary files: {left}"

    def _processes(self) -> Iterator[str]:
        processes = self.pm2.processes()
        cwds = {proc.cwd(process.pid or 0) for process in processes}
        if processes and cwds != {str(target(self.layout))}:
            yield f"3: processes run in {cwds}"
        if processes and not self.probe().ask().ok:
            yield "1: nobody answers well"


def _digest(tree: Tree) -> str:
    return sha(text(tree).encode())
