"""What several calls need: a release's record, its facts, the next number."""

from __future__ import annotations

from typing import Any, Dict

from turnout_host import apps, facts, releases
from turnout_host.errors import UsageError
from turnout_host.host import Args, Host
from turnout_host.state import Record
from turnout_host.toolchain import Toolchain

Answer = Dict[str, Any]


def next_number(host: Host) -> int:
    """The number of the next release: above all that the journal or a folder ever had."""
    there = [int(name[1:]) for name in releases.names(host.layout)]
    return max([host.journal.state.newest, *there]) + 1


def record_of(host: Host, args: Args) -> Record:
    """The record of the release that the request names."""
    name = args.text("release")
    host.journal.refresh()
    record = host.journal.state.releases.get(name)
    if record is None:
        raise UsageError(f"there is no release {name}")
    return record


def facts_of(host: Host, args: Args, name: str) -> apps.Facts:
    """What it takes to run and prove a release, with the request's settings."""
    return apps.facts(host.layout, host.journal.state, name, dict(newer(args), release=name))


def toolchain_of(host: Host, keys: Dict[str, Any]) -> Toolchain:
    """Node and PM2 by layer keys; None means the host's own."""
    return Toolchain(host.layout, keys.get("node"), keys.get("pm2"), facts.shell_env().get("PATH", ""))


def newer(args: Args) -> Record:
    """The settings that a request brings."""
    return {key: args.values.get(key) for key in ("processes", "health")}
