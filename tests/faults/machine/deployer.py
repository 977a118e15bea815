"""The deployer's side: the calls of a deployment, a rollback and so on, in their order, to the real host program."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from tests.turnout_host.goods import Tree, contents, marked, pack, sha, stream, text
from turnout_host import recovery
from turnout_host.errors import HostError, StoreError
from turnout_host.host import Host
from turnout_host.server import Server

HEALTH = {
    "path": "/health", "port": 9, "port_env": "PORT", "rehearse": True, "start_period": 1.0,
    "interval": 0.05, "timeout": 1.0, "passes": 1, "retries": 2, "bake": 0.2,
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "processes": {"app": "app", "config": "ecosystem.config.js", "process_env": "production"},
    "health": HEALTH,
}


STEPS = ("send", "layer", "stage", "dotenv", "install", "migrate", "rehearse")
"""What comes before the switch."""


class Artifact(NamedTuple):
    """What is deployed: a tree, and the layer of its dependencies."""

    tree: Tree
    layer: str
    dependencies: Tree


class Result(NamedTuple):
    """What the person is told: how it ended, the release, and why."""

    result: str
    release: str | None = None
    why: str = ""


class Deployer:
    """One connection to a host program, and the lease that goes with it."""

    def __init__(self, path: str, deployment: str) -> None:
        self.host = Host(path)
        self._server = Server(self.host, None)  # type: ignore[arg-type]  # nothing is read or sent
        self.deployment, self.token, self.said = deployment, 0, list[dict[str, Any]]()

    def call(self, name: str, **args: Any) -> dict[str, Any]:
        """As the server carries a request out."""
        return self._server._carry_out(name, {"token": self.token, **args}, self.said.append)

    def acquire(self, command: str) -> None:
        """Take the lease: whatever a dead run left open is ended now."""
        answer = self.call("acquire", deployment=self.deployment, by="ada@laptop", command=command)
        self.token = answer["token"]

    def leave(self) -> None:
        """The link is closed, or cut: for the host program that is the same."""
        self.host.lease.orphan("ending what it began")
        recovery.after_deployer(self.host.layout, self.host.journal, self.host.lease)

    def vanish(self) -> None:
        """The host program is dead: the kernel closes what it had open."""
        self.host.lease.release()

    def finish(self, result: Result) -> Result:
        """Write down how it ended."""
        self.call("finish", deployment=self.deployment, result=result.result, exit_code=0, reason=result.why)
        return result

    def survey(self, accept_drift: bool = False) -> list[dict[str, Any]]:
        """The fatal findings."""
        found = self.call("survey", shared=["logs"], accept_drift=accept_drift, **SETTINGS)["findings"]
        return [one for one in found if one["fatal"]]

    def deploy(self, artifact: Artifact, keep: int, accept_drift: bool, steps: int) -> Result | None:
        """A deployment of this artifact; the link is cut after so many steps, and then there is no result."""
        if fatal := self.survey(accept_drift):
            return self.finish(Result("refused", None, f"{fatal[0]['what']}: {fatal[0]['why']}"))
        try:
            return self._deployed(artifact, keep, steps)
        except HostError as error:
            return self.finish(Result("failed", None, error.message))

    def _deployed(self, artifact: Artifact, keep: int, steps: int) -> Result | None:
        name = ""
        for step in STEPS[:steps]:
            if step == "send":
                self._send(artifact.tree)
            elif step == "layer":
                self._layer(artifact)
            elif step == "stage":
                name = self._stage(artifact.tree)
            elif step == "install":
                self.call("install", release=name, layers={"dependencies": artifact.layer}, **SETTINGS)
            else:
                self.call(step, release=name, **(SETTINGS if step == "rehearse" else {}))
        if steps <= len(STEPS):
            return None
        result = self._activate(name, "deploy")
        if result.result == "succeeded":
            self.call("prune", keep=keep)
        return self.finish(result)

    def _send(self, *trees: Tree) -> None:
        """Only what the host lacks."""
        listed = [text(tree) for tree in trees]
        manifests = [{"packed": pack(one), "digest": sha(one.encode())} for one in listed]
        lacking = marked(listed, self.call("lacks", manifests=manifests)["lacking"])
        blobs = [one for tree in trees for one in contents(tree) if sha(one) in lacking]
        for chunk in stream(blobs, "zlib"):
            self._server._data.put(chunk)
        self._server._data.put(b"")
        self.call("upload", compression="zlib")

    def _layer(self, artifact: Artifact) -> None:
        """Shipped where it is not known there."""
        if artifact.layer not in self.call("state")["layers"]:
            self._send(artifact.dependencies)
            digest = sha(text(artifact.dependencies).encode())
            self.call("lay_layer", key=artifact.layer, manifest=digest)

    def _stage(self, tree: Tree) -> str:
        """What is hurt over there is sent once more."""
        try:
            return self._laid(tree)
        except StoreError:
            self._send(tree)
            return self._laid(tree)

    def _laid(self, tree: Tree) -> str:
        digest = sha(text(tree).encode())
        answer = self.call(
            "stage",
            deployment=self.deployment,
            manifest=digest,
            artifact=digest,
            revision=hashlib.sha1(digest.encode()).hexdigest(),
            by="ada@laptop",
            shared=["logs"],
        )
        return str(answer["release"])

    def rollback(self, release: str | None) -> Result:
        """To a named blessed release, else to the newest below the running one."""
        if fatal := [one for one in self.survey(True) if one["what"] == "current"]:
            return self.finish(Result("refused", None, f"{fatal[0]['what']}: {fatal[0]['why']}"))
        try:
            name = self._chosen(release)
            if name is None:
                return self.finish(Result("refused", None, "there is no such blessed release"))
            return self.finish(self._activate(name, "rollback"))
        except HostError as error:
            return self.finish(Result("failed", None, error.message))

    def _chosen(self, release: str | None) -> str | None:
        state = self.call("state")
        blessed = [str(one["release"]) for one in state["releases"] if one["state"] == "blessed"]
        limit = int(state["running"][1:]) if state["running"] else 1 << 31
        names = [name for name in blessed if name == release or (not release and int(name[1:]) < limit)]
        return names[0] if names and names[0] != state["running"] else None

    def _activate(self, name: str, kind: str) -> Result:
        about = {"deployment": self.deployment, "release": name, "kind": kind, "by": "ada@laptop"}
        entry = self.call("activate", until=[], **about, **SETTINGS)["entry"]
        return Result(entry["result"], name, str(entry.get("reason") or ""))
