"""Where everything lies on a host (DESIGN 5). Paths only, no reads or writes but `prepare`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

from turnout_host.errors import UsageError

RELEASE = re.compile(r"v[1-9][0-9]{0,8}\Z")
LAYER = re.compile(r"[a-z0-9][a-z0-9._-]{0,120}\Z")
DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Layout:
    """The folders and files of one app on this host, below its `path`."""

    def __init__(self, path: str) -> None:
        if not path.startswith("/") or ".." in Path(path).parts:
            raise UsageError(f"the path of an app must be absolute: {path!r}")
        self.path = Path(path)
        self.current = self.path / "current"
        self.releases = self.path / "releases"
        self.backups = self.path / "backups"
        self.shared = self.path / "shared"
        self.dotenv = self.shared / ".env"
        self.logs = self.shared / "logs"
        self.own = self.path / ".turnout"
        self.journal = self.own / "journal.jsonl"
        self.lease = self.own / "lease"
        self.store = self.own / "store"
        self.manifests = self.own / "manifests"
        self.layers = self.own / "layers"
        self.tmp = self.own / "tmp"
        self.bin = self.own / "bin"
        self.wrapper = self.own / "pm2.config.js"
        self.settings = self.own / "pm2.settings.json"
        self.boot = self.own / "boot.json"
        self.notes = self.own / "notes.jsonl"
        self.ballast = self.own / "ballast"
        self.worker = self.own / "pointsman.lock"

    def prepare(self) -> None:
        """Make the folders that every call may rely on; does nothing when they exist."""
        for folder in (
            self.releases,
            self.backups,
            self.logs,
            self.store,
            self.manifests,
            self.layers,
            self.tmp,
            self.bin,
        ):
            folder.mkdir(parents=True, exist_ok=True)

    def release(self, name: str) -> Path:
        """The folder of release `name`; refuses anything but v1, v2, …"""
        if not RELEASE.match(name):
            raise UsageError(f"not a release name: {name!r}")
        return self.releases / name

    def layer(self, key: str) -> Path:
        """The folder of layer `key`."""
        if not LAYER.match(key):
            raise UsageError(f"not a layer key: {key!r}")
        return self.layers / key

    def blob(self, name: str) -> Path:
        """The store's file for a blob name (`<sha256>` or `<sha256>.x`)."""
        return self.store / check_blob(name)[:2] / name

    def manifest(self, digest: str) -> Path:
        """The kept text of the manifest with this digest."""
        if not DIGEST.match(digest):
            raise UsageError(f"not a digest: {digest!r}")
        return self.manifests / digest

    def name_of(self, path: Optional[Path]) -> Optional[str]:
        """The release that a real path is the root of, else None."""
        if path is None or path.parent != self.releases or not RELEASE.match(path.name):
            return None
        return path.name


def check_blob(name: str) -> str:
    """The name of a blob; refuses anything else."""
    digest, dot, suffix = name.partition(".")
    if not DIGEST.match(digest) or (dot and suffix != "x"):
        raise UsageError(f"not a blob name: {name!r}")
    return name
