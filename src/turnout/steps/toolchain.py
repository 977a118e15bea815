"""toolchain: the pinned Node, npm and PM2, for the build here and for each host."""

from __future__ import annotations

import json
from typing import Any

from turnout.builder import runtime, versions
from turnout.builder.build import Toolchain
from turnout.errors import SurveyRefused
from turnout.steps.work import Done, Target, Work


async def toolchain(work: Work) -> Done:
    """Choose one version of Node for build and hosts, and get ready the layers that a host lacks."""
    spec = _spec(work)
    own, there = await runtime.own_version(), _there(work)
    choice = await runtime.choose(work.cache, spec, there, own, update=work.deploy.update_runtime)
    work.runs = Toolchain(choice.version)
    for host in work.targets:
        if work.config.toolchain == "host":
            _of_the_host(work, host)
        else:
            await _shipped(work, host)
    return Done(f"Node {work.runs.node}: {choice.why}")


async def here(work: Work, step: str) -> Toolchain:
    """The chosen Node on this machine, for commands that run here; got only when there are some."""
    if await runtime.own_version() != work.runs.node:
        work.note(f"getting node-{work.runs.node} for this machine", step)
    return Toolchain(work.runs.node, await runtime.own_toolchain(work.cache, work.runs.node))


def _spec(work: Work) -> str:
    file = work.source / "package.json"
    package = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return versions.wanted(work.config.node, package)


def _there(work: Work) -> str | None:
    """The Node that the hosts run: the daemon's (cluster workers run on it), else the host's own if asked for."""
    for host in work.targets:
        daemon = host.facts.get("daemon") or {}
        node = host.facts.get("node") if work.config.toolchain == "host" else None
        found = daemon.get("node") or (node or {}).get("version")
        if found:
            return str(found)
    return None


def _of_the_host(work: Work, host: Target) -> None:
    """`toolchain = "host"`: Node, npm and PM2 must be there, and Node must be the chosen one."""
    missing = [name for name in ("node", "npm", "pm2") if not host.facts.get(name)]
    if missing:
        raise SurveyRefused(
            f'`toolchain = "host"`, but the host has no {", ".join(missing)} in its login shell\'s PATH',
            where=host.name,
            remedy=["install them there", 'or let Turnout bring them: toolchain = "shipped"'],
        )
    version = host.facts["node"]["version"]
    if version != work.runs.node:
        raise SurveyRefused(
            f"the host has Node {version}, and {work.runs.node} is wanted",
            where=host.name,
            remedy=[f'node = "{version.partition(".")[0]}" in turnout.toml', 'or toolchain = "shipped"'],
        )
    host.layers |= {"node": None, "pm2": None}
    host.pm2 = str(host.facts["pm2"].get("version") or "")


async def _shipped(work: Work, host: Target) -> None:
    """Layers from the npm registry; a daemon that runs already keeps its own PM2, since other apps may live in it."""
    host.layers["node"] = await _layer(
        work, host, f"node-{work.runs.node}", runtime.node_layer, work.runs.node, host.platform
    )
    kept = None if work.deploy.restart_pm2 else of_the_daemon(host)
    if kept:
        host.pm2, host.layers["pm2"] = kept
        return
    host.pm2 = runtime.PM2
    host.layers["pm2"] = await _layer(work, host, f"pm2-{runtime.PM2}", runtime.pm2_layer)


def of_the_daemon(host: Target) -> tuple[str, str | None] | None:
    """Another PM2 than ours whose daemon runs there: its version, and its layer or None for the host's own."""
    version = str((host.facts.get("daemon") or {}).get("version") or runtime.PM2)
    if version == runtime.PM2:
        return None
    if (host.facts.get("pm2") or {}).get("version") == version:
        return version, None
    layers = [key for key in host.state["layers"] if key.startswith(f"pm2-{version}-")]
    return (version, layers[0]) if layers else None


async def _layer(work: Work, host: Target, prefix: str, make: Any, *args: Any) -> str:
    """The key of a layer; it is made here only when the host lacks it."""
    offered = work.layers if work.origin and work.origin.facts["platform"] == host.platform else ()
    there = {key for key in (*host.state["layers"], *offered) if key.startswith(prefix + "-")}
    if there and len(there) == 1:
        return str(there.pop())
    work.note(f"getting {prefix} from the registry", "toolchain")
    tree = await make(work.cache, *args)
    work.layers[tree.key] = tree
    return str(tree.key)
