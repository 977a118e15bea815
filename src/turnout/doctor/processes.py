"""What PM2 will be asked to run: the ecosystem file, read by node as PM2 reads it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from turnout.builder import commands
from turnout.doctor.finding import APP, Finding, Place, many

if TYPE_CHECKING:
    from turnout.config import Config

AT = Place(APP)
CHECK = "processes"
PATIENCE = 10.0
"""Seconds that reading the file may take; it is a program."""
MARK = "turnout-doctor "
READ = r"""
const fs = require('fs'), path = require('path'), file = path.resolve(process.argv[1]);
const json = () => require('vm').runInThisContext('(' + fs.readFileSync(file, 'utf8') + ')');
const value = file.endsWith('.json') ? json() : require(file);
const found = value && value.default && !value.apps ? value.default : value;
const apps = [].concat((found && (found.apps || found.pm2)) || found || []);
const one = ({ name, exec_mode, instances, interpreter, exec_interpreter, script, exec }) =>
  ({ name, exec_mode, instances, interpreter: interpreter || exec_interpreter, script: script || exec });
for (const app of apps) console.log('\n' + process.argv[2] + JSON.stringify(one(app)));
"""
"""Constant. Only these fields come back: the file may hold secrets in `env`."""

Process = dict[str, Any]


async def look(
    config: Config, folder: Path, working: Path | None, absent: Callable[[str], list[str]]
) -> list[Finding]:
    """The findings about the ecosystem file of the app in `folder`; `working` may have its node_modules."""
    name = config.processes.config
    if not (folder / name).is_file():
        remedy = absent(name) or ["pm2 init simple", "or set `config` in [processes] of turnout.toml"]
        return [AT.problem(CHECK, f"there is no {name}: PM2 needs one", remedy)]
    try:
        apps = await _read(folder / name, working)
    except FileNotFoundError:  # no node here: that is a finding of its own
        return []
    except (ValueError, TimeoutError) as error:
        remedy = ["npm ci, if it needs a package", f"node {name}"]
        return [AT.warn(CHECK, f"{name} cannot be read here", remedy, str(error).splitlines()[:3])]
    return [*modes(apps), *named(config.app, apps), *scripts(apps, folder, config.package.include)]


async def _read(file: Path, working: Path | None) -> list[Process]:
    env = commands.environment([]) | ({"NODE_PATH": str(working / "node_modules")} if working else {})
    lines: list[str] = []
    async with asyncio.timeout(PATIENCE):
        await commands.execute(["node", "-e", READ, str(file), MARK], file.parent, env, lines.append)
    read = [json.loads(line.removeprefix(MARK)) for line in lines if line.startswith(MARK)]
    if not read:
        raise ValueError(next((line for line in lines if re.match(r"\w*Error\b", line)), "it names no apps"))
    if not all(app.get("script") for app in read):
        raise ValueError("it names an app without a script")
    return read


def mode(app: Process) -> str:
    """`cluster` or `fork`, as PM2 7.0.4 decides (Common.js, determineExecMode)."""
    if app.get("exec_mode"):
        return "cluster" if "cluster" in str(app["exec_mode"]) else "fork"
    instances, interpreter = app.get("instances"), str(app.get("interpreter") or "")
    if instances is None or (interpreter and not re.search(r"node$", interpreter)):
        return "fork"
    number = re.match(r"-?\d+", str(instances))
    return "cluster" if not number or int(number[0]) >= -1 else "fork"


def modes(apps: Sequence[Process]) -> list[Finding]:
    """FACTS, Dropped requests: fork mode has a gap of about 0.5 s at each deployment, cluster mode none."""
    forked = [_name(app) for app in apps if mode(app) == "fork"]
    if not forked:
        told = [f"{_name(app)} in cluster mode, {_instances(app)}" for app in apps]
        return [AT.ok(CHECK, "; ".join(told))]
    return [
        AT.warn(
            CHECK,
            f"{', '.join(forked)} in fork mode: a gap of about 0.5 s at each deployment",
            ["exec_mode: 'cluster', instances: 2    in the ecosystem file, if it serves requests"],
            ["only in cluster mode does a new process listen before the old one ends"],
        )
    ]


def named(name: str, apps: Sequence[Process]) -> list[Finding]:
    """With several apps the one that is named as in turnout.toml answers for health."""
    if len(apps) < 2 or any(app.get("name") == name for app in apps):
        return []
    names = ", ".join(_name(app) for app in apps)
    remedy = [f"set `app` in turnout.toml to one of {names}"]
    return [
        AT.warn(CHECK, f"none of the {len(apps)} apps is named {name}: the first answers for health", remedy)
    ]


def scripts(apps: Sequence[Process], folder: Path, include: Sequence[str]) -> list[Finding]:
    """What PM2 starts must be among what is sent."""
    paths = [path for app in apps if (path := inside(str(app["script"]), folder))]
    unsent = [path for path in paths if not covered(path, include)]
    if not unsent:
        return []
    first = PurePath(unsent[0]).parts[0]
    remedy = [
        f'add "{first}" to `include` in [package] of turnout.toml',
        "or correct `script` in the ecosystem file",
    ]
    return [AT.problem(CHECK, f"{', '.join(unsent)} is started, but never sent", remedy)]


def inside(script: str, folder: Path) -> str | None:
    """The script's path in the app; None for what lies elsewhere, or is no path."""
    path = Path(script)
    if path.is_absolute():
        return (
            path.relative_to(folder.resolve()).as_posix() if path.is_relative_to(folder.resolve()) else None
        )
    plain = PurePath(*(part for part in path.parts if part != "."))
    return plain.as_posix() if ".." not in plain.parts and (plain.suffix or len(plain.parts) > 1) else None


def covered(path: str, include: Sequence[str]) -> bool:
    """Does a pattern of `[package] include` name the path, or a folder above it?"""
    above = [path, *(parent.as_posix() for parent in PurePath(path).parents)]
    return any(fnmatch(one, pattern.rstrip("/")) for one in above for pattern in include)


def _name(app: Process) -> str:
    return str(app.get("name") or PurePath(str(app["script"])).stem)


def _instances(app: Process) -> str:
    count = app.get("instances")
    return many(int(count), "instance") if str(count).isdigit() and count else f"instances: {count}"
