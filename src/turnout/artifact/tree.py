"""A kept tree: `tree/` and its `manifest` side by side, so that nothing is hashed twice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from turnout.artifact import manifest
from turnout.artifact.manifest import Manifest


@dataclass(frozen=True)
class Tree:
    """An artifact or a layer on this machine: its key, its folder, and what is in it."""

    key: str
    folder: Path
    manifest: Manifest

    @property
    def digest(self) -> str:
        """The digest of the manifest."""
        return self.manifest.digest

    @classmethod
    def load(cls, key: str, entry: Path) -> Tree:
        """The tree that `seal` finished in `entry`."""
        return cls(key, entry / "tree", Manifest((entry / "manifest").read_bytes()))


def folder_of(entry: Path) -> Path:
    """Where the files of the tree kept in `entry` belong."""
    return entry / "tree"


def seal(entry: Path) -> Manifest:
    """Write the manifest of `entry/tree` beside it; the tree must not change afterwards."""
    made = manifest.of(folder_of(entry))
    (entry / "manifest").write_bytes(made.text)
    return made
