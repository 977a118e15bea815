"""This machine: what a deployment needs here, whatever it deploys."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.builder import commands, disk, runtime
from turnout.builder.cache import LIMIT, Cache
from turnout.doctor.finding import MACHINE, Finding, Place, gigabytes, many
from turnout.errors import BuildError, UsageError
from turnout.model import LOCAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncssh

    from turnout.config import Reach

AT = Place(MACHINE)
PATIENCE = 10.0
"""Seconds that a program gets to say its version, or the registry to answer."""
ROOM = 2 << 30
"""Bytes that should be free for the cache: node_modules twice, Node and a build (FACTS, Sizes), and some room."""


async def look(reach: Reach | None, cache: Cache) -> list[Finding]:
    """Everything about this machine; takes about as long as the npm registry needs for one answer."""
    versions = await asyncio.gather(git(), node(), npm())
    registry = [await answers()] if versions[-1].level == "ok" else []
    return [
        AT.ok("python", platform.python_version()),
        *versions,
        *registry,
        await asyncio.to_thread(kept, cache),
        *(await keys(reach) if reach else []),
    ]


async def git() -> Finding:
    """Git, without which no revision can be read."""
    said = await _said("git", "--version")
    if said.status:
        return AT.problem("git", "git is not installed", ["apt install git"], said.tail)
    return AT.ok("git", said.tail[-1].removeprefix("git version "))


async def node() -> Finding:
    """Node, for the app's own build commands; another version of it is fetched where the app needs one."""
    version = await runtime.own_version()
    if version is None:
        return AT.problem("node", "Node is not installed", ["install Node 20 or later, with npm"])
    return AT.ok("node", version)


async def npm() -> Finding:
    """npm, for builds and for every layer."""
    said = await _said("npm", "--version")
    if said.status:
        return AT.problem("npm", "npm is not installed", ["install Node with npm"], said.tail)
    return AT.ok("npm", said.tail[-1])


async def answers() -> Finding:
    """Does the registry that npm is set up for answer? Asked for one package that every host may need."""
    said = await _said("npm", "view", f"pm2@{runtime.PM2}", "version")
    if said.status == 0:
        return AT.ok("registry", "answers")
    return AT.warn(
        "registry",
        "the npm registry does not answer",
        ["npm ping", "behind a proxy: npm config set proxy, or a mirror: npm config set registry"],
        said.tail[-3:],
    )


def kept(cache: Cache) -> Finding:
    """The cache can be written, and there is room for more."""
    try:
        with cache.workspace():
            pass
    except BuildError as error:
        return AT.failed("cache", error)
    except OSError as error:
        remedy = ["name another folder in TURNOUT_CACHE"]
        return AT.problem("cache", f"the cache {cache.root} cannot be written", remedy, [str(error)])
    size, free = disk.size(cache.root), shutil.disk_usage(cache.root).free
    if free < ROOM:
        return AT.warn(
            "cache",
            f"only {gigabytes(free)} are free for the cache",
            ["make room there, or name another folder in TURNOUT_CACHE"],
            [str(cache.root)],
        )
    return AT.ok("cache", f"{gigabytes(size)} of {gigabytes(LIMIT)} in {cache.root}")


async def keys(reach: Reach) -> list[Finding]:
    """What there is to log in with; whether a host takes it is found out there."""
    remote = [address for address in reach.hosts if address.host != LOCAL]
    if not remote:
        return []
    from turnout.hosts import identity, known_hosts, sshconfig

    try:
        if reach.key:
            key = known_hosts.describe(identity.identity(reach.key))
            return [AT.ok("ssh key", f"VPS_SSH_KEY, {key}")]
        settings = await sshconfig.settings(remote[0])
    except UsageError as error:
        return [AT.failed("ssh key", error)]
    agent = await _in_agent(settings)
    return [own_keys(agent, len(settings.client_keys or ()), _locked())]


def own_keys(agent: int, files: int, locked: Sequence[Path]) -> Finding:
    """The user's own keys: so many in the agent, so many in files, and files with a passphrase that is not known."""
    found = [f"{agent} in the agent"] * bool(agent) + [f"{many(files, 'file')}"] * bool(files)
    if found:
        return AT.ok("ssh key", ", ".join(found))
    if locked:
        return AT.warn(
            "ssh key",
            "every SSH key has a passphrase, and none is in an agent",
            ["eval $(ssh-agent)", *(f"ssh-add {file}" for file in locked)],
        )
    return AT.warn(
        "ssh key",
        "there is no SSH key to log in with",
        ["ssh-keygen -t ed25519", "or set VPS_SSH_KEY to a private key"],
    )


async def _in_agent(settings: asyncssh.SSHClientConnectionOptions) -> int:
    import asyncssh

    with contextlib.suppress(OSError, ValueError, asyncssh.Error, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            if settings.agent_path:
                async with asyncssh.connect_agent(settings.agent_path) as agent:
                    return len(await agent.get_keys())
    return 0


def _locked() -> list[Path]:
    """The usual key files that are there; asked only where none of them could be read."""
    folder = Path.home() / ".ssh"
    return [folder / name for name in ("id_ed25519", "id_ecdsa", "id_rsa") if (folder / name).is_file()]


async def _said(*argv: str) -> commands.Finished:
    """How a program ended and its last lines; a status that is not 0 where it is missing or too slow."""
    try:
        async with asyncio.timeout(PATIENCE):
            ended = await commands.execute(argv, Path("/"), commands.environment([]))
    except TimeoutError:
        return commands.Finished(1, [f"no answer within {PATIENCE:.0f} s"])
    except OSError as error:
        return commands.Finished(1, [error.strerror or str(error)])
    tail = [line for line in ended.tail if line.strip()]
    return commands.Finished(ended.status, tail) if tail else commands.Finished(ended.status or 1, [])
