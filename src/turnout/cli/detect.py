"""Looks at a repository and finds what turnout.toml needs. Changes nothing; each finding comes with its reason."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turnout.errors import UsageError

ECOSYSTEMS = (
    "ecosystem.config.js",
    "ecosystem.config.cjs",
    "ecosystem.config.json",
    "ecosystem.json",
    "pm2.config.js",
    "pm2.json",
)
SHARED = ("uploads", "storage")
"""Folders that apps write into."""
SKIPPED = {"node_modules", "dist", "build", ".git", "coverage"}
_HEALTH = re.compile(r"""['"`](/[\w/-]*health[\w-]*)['"`]""")
_READ_ECOSYSTEM = """
const found = require(require('path').resolve(process.argv[1]));
const apps = Array.isArray(found) ? found : found.apps || [found];
const one = apps[0] || {};
const port = ['env_production', 'env'].map((key) => (one[key] || {}).PORT).find((value) => value);
const { name, script, instances } = one;
console.log('\\n' + JSON.stringify({ name, script, instances, port, count: apps.length }));
"""


@dataclass
class Found:
    """What was found, and why; `folder` is the app's, `source` its path in the repository."""

    folder: Path
    source: str
    app: str = ""
    node: str | None = None
    branches: list[str] = field(default_factory=list)
    ecosystem: str | None = None
    script: str | None = None
    prisma: bool = False
    builds: bool = False
    health: str = "/health"
    shared: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What a person should know before the first deploy."""


def find(cwd: Path) -> Found:
    """Look around in `cwd`. Raises UsageError when there is no app."""
    top = _git(cwd, "rev-parse", "--show-toplevel")
    folder, why = _app_folder(cwd)
    root = Path(top) if top else cwd
    found = Found(folder, os.path.relpath(folder.resolve(), root.resolve()).replace(os.sep, "/"))
    found.why["source"] = why
    package = _package(folder)
    pm2 = _ecosystem(found)
    _name(found, package, pm2)
    _node(found, package, root)
    _branches(found, cwd, bool(top))
    found.builds = "build" in (package.get("scripts") or {})
    found.prisma = (folder / "prisma" / "schema.prisma").is_file()
    found.shared = [name for name in SHARED if (folder / name).is_dir()]
    _health(found)
    _advice(found)
    return found


def _app_folder(cwd: Path) -> tuple[Path, str]:
    if (cwd / "backend" / "package.json").is_file():
        return cwd / "backend", "backend/ has a package.json"
    if (cwd / "package.json").is_file():
        return cwd, "package.json is here"
    below = [path.parent for path in sorted(cwd.glob("*/package.json")) if path.parent.name not in SKIPPED]
    if len(below) == 1:
        return below[0], f"{below[0].name}/ has the only package.json"
    raise UsageError(
        "there is no app here",
        why="no package.json in this folder or in backend/"
        + (f"; there is one in each of {', '.join(p.name for p in below)}" if below else ""),
        remedy="go to the app's folder, or the one above it, and type turnout init there",
    )


def _package(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "package.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(
            "package.json cannot be read", where=str(folder / "package.json"), why=str(error)
        ) from None
    return found if isinstance(found, dict) else {}


def _ecosystem(found: Found) -> dict[str, Any]:
    found.ecosystem = next((name for name in ECOSYSTEMS if (found.folder / name).is_file()), None)
    if found.ecosystem is None:
        found.notes.append(
            "there is no ecosystem.config.js: PM2 needs one, in the app's folder, before the first deploy"
        )
        return {}
    pm2 = _by_node(found.folder / found.ecosystem) or _by_eye(found.folder / found.ecosystem)
    found.script = str(pm2["script"]) if pm2.get("script") else None
    details = [
        f"{pm2['instances']} instances" if pm2.get("instances") else "",
        f"port {pm2['port']}" if pm2.get("port") else "",
    ]
    said = ", ".join(part for part in details if part)
    found.why["processes"] = f"{found.ecosystem} says how it runs{': ' + said if said else ''}"
    if pm2.get("count", 1) > 1:
        found.notes.append(
            f"{found.ecosystem} has {pm2['count']} apps; the health of the one named as `app` counts"
        )
    return pm2


def _by_node(file: Path) -> dict[str, Any] | None:
    """Let node read it: it is a program."""
    try:
        done = subprocess.run(
            ["node", "-e", _READ_ECOSYSTEM, str(file)],
            cwd=file.parent, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=True,
        )  # fmt: skip
        read = json.loads(done.stdout.decode("utf-8", "replace").splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
    return read if isinstance(read, dict) else None


def _by_eye(file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8", errors="replace")
    pattern = r"""\b{}['"]?\s*:\s*(?:['"]([^'"\n]+)['"]|([0-9]+))"""
    keys = {"name": "name", "script": "script", "instances": "instances", "port": "PORT"}
    matches = {key: re.search(pattern.format(word), text) for key, word in keys.items()}
    return {key: match[1] or match[2] for key, match in matches.items() if match}


def _name(found: Found, package: dict[str, Any], pm2: dict[str, Any]) -> None:
    wanted = [
        (pm2.get("name"), f"its name in {found.ecosystem}"),
        (package.get("name"), "its name in package.json"),
        (found.folder.resolve().name, "the folder's name"),
    ]
    for raw, why in wanted:
        name = re.sub(r"[^a-z0-9._-]+", "-", str(raw or "").rsplit("/", 1)[-1].lower()).strip("-._")[:63]
        if name:
            found.app, found.why["app"] = name, why
            return
    found.app, found.why["app"] = "app", "nothing here has a name"


def _node(found: Found, package: dict[str, Any], root: Path) -> None:
    for file in (folder / name for folder in (found.folder, root) for name in (".nvmrc", ".node-version")):
        match = re.fullmatch(r"v?([0-9]+(?:\.[0-9]+){0,2})", _text(file).strip())
        if match:
            found.node, found.why["node"] = match[1], f"{file.name} says so"
            return
    engines = package.get("engines")
    asked = engines.get("node") if isinstance(engines, dict) else None
    if asked:
        found.why["node"] = f"left out: package.json's engines say {asked}"
        return
    own = re.match(r"v([0-9]+)\.", _output(["node", "--version"], found.folder))
    found.node = own[1] if own else None
    found.why["node"] = "what runs here" if own else "left out: nothing says which"
    if not own:
        found.notes.append("nothing says which Node the app needs: add `node`, or engines in package.json")


def _branches(found: Found, cwd: Path, in_git: bool) -> None:
    if not in_git:
        found.branches, found.why["branches"] = ["main", "production"], "the usual ones"
        found.notes.append("this is no git repository yet: Turnout deploys commits")
        return
    refs = _git(cwd, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes/origin").splitlines()
    names = {ref.removeprefix("refs/heads/").removeprefix("refs/remotes/origin/") for ref in refs}
    usual: list[str] = [name for name in ("main", "master", "production") if name in names]
    current = _git(cwd, "symbolic-ref", "--short", "--quiet", "HEAD")
    found.branches = usual or [current or "main"]
    found.why["branches"] = "the usual ones that exist here" if usual else "the branch that is checked out"
    if current and current not in found.branches:
        found.notes.append(f"the branch {current} is checked out; it is not among those that may be deployed")


def _health(found: Found) -> None:
    paths = {path for file in _sources(found.folder) for path in _HEALTH.findall(_text(file))}
    if "/health" in paths or not paths:
        found.why["health"] = "it is in the source" if paths else "the usual one"
        if not paths:
            found.notes.append(
                "no health path was found in the source: GET /health must answer 200 when all is well"
            )
        return
    found.health = min(paths, key=len)
    found.why["health"] = "it is in the source; if it is mounted below another path, add that"


def _sources(folder: Path) -> Iterator[Path]:
    count = 0
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED and not name.startswith(".")]
        for name in files:
            if name.endswith((".ts", ".js", ".mts", ".mjs", ".cjs")) and ".test." not in name:
                count += 1
                yield Path(here, name)
        if count > 2000:
            return


def _advice(found: Found) -> None:
    if not (found.folder / "package-lock.json").is_file():
        found.notes.append(
            "there is no package-lock.json: `npm ci` needs one (npm install writes it; commit it)"
        )
    if not found.prisma:
        found.notes.append("there is no prisma/schema.prisma: nothing will be generated or migrated")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace") if file.stat().st_size < 1_000_000 else ""
    except OSError:
        return ""


def _git(cwd: Path, *arguments: str) -> str:
    return _output(["git", *arguments], cwd)


def _output(command: list[str], cwd: Path) -> str:
    """The output of a program, or nothing when it fails or is not there."""
    try:
        done = subprocess.run(
            command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
