"""Not a step: what a host gets, and what of it that it has in an older version (docs/decisions/008-patches.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from turnout.artifact import patch, stream
from turnout.artifact.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from turnout.artifact.manifest import Manifest
    from turnout.artifact.patch import Base
    from turnout.steps.work import Target, Work


@dataclass
class Part:
    """A tree that is sent; `base` is the one that the running release has in its place, where this machine knows it."""

    tree: Tree
    base: Tree | None = None

    @property
    def source(self) -> tuple[Manifest, Path]:
        """For `artifact.stream`."""
        return self.tree.manifest, self.tree.folder

    def offer(self) -> dict[str, object]:
        """Its manifest as it travels."""
        return patch.offer(self.tree.manifest, self.base.manifest if self.base else None)

    def pairs(self, based: Collection[str]) -> dict[str, Base]:
        """What can be sent as a patch; `based` are the manifests whose contents the host has whole."""
        if self.base is None or self.base.digest not in based:
            return {}
        return patch.pairs(self.base, self.tree.manifest)


def parts(work: Work, host: Target, artifact: bool = True, whole: bool = False) -> list[Part]:
    """The artifact if asked for, and the layers that the host lacks.

    `whole`: without bases; so, too, for a host without zstd.
    """
    missing = {
        role: work.layers[key]
        for role, key in host.layers.items()
        if key is not None and key in work.layers and host.lacks(key)
    }
    trees = {"artifact": work.artifact, **missing} if artifact else missing
    if whole or compression(host) != "zstd":
        return [Part(tree) for tree in trees.values()]
    return [Part(tree, _base(work, host, role)) for role, tree in trees.items()]


def lacking(chosen: list[Part], answer: dict[str, Any]) -> set[str]:
    """The blobs that are lacking by an answer to `lacks` or `outlook`."""
    return stream.lacking([part.tree.manifest for part in chosen], answer["lacking"])


def compression(host: Target) -> str:
    """The best one that the host reads."""
    return "zstd" if "zstd" in host.client.hello["compressions"] else "zlib"


def _base(work: Work, host: Target, role: str) -> Tree | None:
    """What the running release has in this place, from this machine's cache; else None."""
    record = host.record(host.running)
    keys = {"artifact": record.get("build"), "dependencies": record.get("dependencies")}
    key = (keys | (record.get("toolchain") or {})).get(role)
    kept = work.cache.find("artifacts" if role == "artifact" else "layers", str(key)) if key else None
    tree = Tree.load(str(key), kept) if kept else None
    fits = tree and (role != "artifact" or tree.digest == record.get("manifest"))
    return tree if fits else None
