from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from turnout.builder.build import Toolchain
from turnout.builder.cache import Cache
from turnout.config.schema import Config, Environment
from turnout.source.checkout import Checkout

NPM = """#!/bin/sh
echo "$(basename "$0") $*" >> "$LOG"
case "$(basename "$0") $*" in
    "npm ci"*) mkdir -p node_modules/x/deep && cp package-lock.json node_modules/x/ && touch made-by-install
        case "$*" in *--omit=dev*) ;; *) mkdir -p node_modules/typescript ;; esac ;;
    "npm prune --omit=dev"*) rm -r node_modules/typescript ;;
    "npm install --no-save"*) mkdir -p node_modules/prisma && echo "$*" > node_modules/prisma/asked ;;
    "npm run build") test -f node_modules/x/package-lock.json && mkdir -p dist && cat src.ts > dist/server.js ;;
    "npx --no-install prisma generate")
        mkdir -p node_modules/.prisma && cp prisma/schema.prisma node_modules/.prisma/ ;;
esac
"""
"""A small npm and npx that write down what they were asked."""


class App:
    """An app's clean tree, a cache, and a log of the commands that were run."""

    def __init__(self, tmp: Path) -> None:
        self.tmp, self.source, self.cache = tmp, tmp / "tree/backend", Cache(tmp / "cache")
        self.toolchain, self.log = Toolchain("20.20.2"), tmp / "log"
        (tmp / "bin").mkdir()
        for name in ("npm", "npx"):
            (tmp / "bin" / name).write_text(NPM)
            (tmp / "bin" / name).chmod(0o755)
        self.env = {"PATH": f"{tmp}/bin:{os.environ['PATH']}", "LOG": str(self.log)}
        self.fresh()

    def fresh(self) -> None:
        """The checkout of another run: another folder with the same contents."""
        self.source = self.tmp / f"tree{len(list(self.tmp.iterdir()))}" / "backend"
        self.source.mkdir(parents=True)
        self.write("package.json", json.dumps({"name": "app"}))
        self.write("package-lock.json", "{}")
        for path in ("prisma/schema.prisma", "ecosystem.config.js", "src.ts"):
            self.write(path, path)

    def write(self, path: str, text: str) -> None:
        (self.source / path).parent.mkdir(parents=True, exist_ok=True)
        (self.source / path).write_text(text)

    def lock(self, packages: Mapping[str, object], **more: object) -> None:
        """The lock file."""
        self.write("package-lock.json", json.dumps({"packages": {"": {}, **packages}, **more}))

    def checkout(self, tree: str = "t1") -> Checkout:
        return Checkout(self.source.parent, self.source, tree)

    def config(self, **tables: object) -> Config:
        return Config(
            app="app",
            source="backend",
            environments={"production": Environment(name="production", path="/srv")},
            **tables,
        )

    def ran(self) -> list[str]:
        """The commands since the last look."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)
