"""`turnout status`: what runs on every host, on one screen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import typer

from turnout import text
from turnout.cli import options
from turnout.cli.out import Line, columns, fold, named, say, shown, width
from turnout.errors import TurnoutError, Unhealthy

Host = dict[str, Any]
"""One host's object of docs/json.md."""


def status(
    environment: options.EnvironmentName = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what runs where on one screen: release, health, processes, disk, drift, the last deployments.

    The exit code is 50 if a host is not well, and 20 to 22 if one cannot be asked; the others are shown all the same.
    """
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    from turnout import inspect

    lost: list[TurnoutError] = []
    hosts = run(inspect.status(goal.config, goal.environment, goal.reach, lost))
    if as_json:
        from turnout.cli.jsonlines import write

        write({"app": goal.config.app, "environment": goal.environment.name, "hosts": hosts})
    elif not quiet:
        room = width()
        say(fold(screen(goal.config.app, goal.environment.name, hosts, verbose, time.time(), room), room))
    if lost:
        raise lost[0]
    raise typer.Exit(exit_code(hosts))


def exit_code(hosts: list[Host]) -> int:
    """0 when every host is well, else 50."""
    return 0 if all((host.get("health") or {}).get("ok") for host in hosts) else Unhealthy.exit_code


def screen(
    app: str, environment: str, hosts: list[Host], verbose: bool, now: float, room: int = 0
) -> Iterator[Line]:
    """The whole screen; with `verbose` every release is listed. Tables fit into `room` columns, if it is not 0."""
    yield "bold", f"{app} · {environment}"
    for host in hosts:
        yield from headline(host, now)
        if "problem" in host:
            continue
        yield from _look(host)
        yield "", f"  health     {health_words(host.get('health') or {})}"
        yield from _processes(host.get("processes") or [], room)
        yield from _disk(host.get("disk") or {})
        yield from _drift(host.get("drift") or [])
        yield from _releases(host.get("releases") or [], verbose)
        yield from _deployments(host.get("deployments") or [], room)
        yield from _under_way(host, now)


def headline(host: Host, now: float) -> Iterator[Line]:
    """The host and what it runs, or why it could not be asked."""
    if "problem" in host:
        yield "red", f"✗ {named(host['host'], host['problem'])}"
        return
    well = bool((host.get("health") or {}).get("ok")) and not host.get("needs_a_look")
    parts = [
        str(host.get("host")),
        shown(host.get("release")) if host.get("release") else "nothing is deployed",
    ]
    parts += [str(host["state"])] if host.get("state") else []
    parts += [str(host["revision"])[:10]] if host.get("revision") else []
    if host.get("since"):
        by = f" by {host['by']}" if host.get("by") else ""
        parts.append(f"since {text.ago(now - float(host['since']))}{by}")
    yield "green" if well else "yellow", f"{'✓' if well else '!'} {' · '.join(parts)}"


def health_words(health: dict[str, Any]) -> str:
    """An answer of the health path, in a line."""
    took = f" in {float(health['seconds']) * 1000:.0f} ms" if health.get("seconds") is not None else ""
    status = f"{health['status']}{took}" if health.get("status") else "no answer"
    reason = f" · {health['reason']}" if health.get("reason") and not health.get("ok") else ""
    return f"{status}{reason}{' · ' + str(health['url']) if health.get('url') else ''}"


def _look(host: Host) -> Iterator[Line]:
    for doubt in host.get("needs_a_look") or ():
        yield "yellow", f"  look       {doubt}"


INDENT = " " * 13


def _processes(processes: list[dict[str, Any]], room: int) -> Iterator[Line]:
    if not processes:
        yield "", "  processes  none"
        return
    rows = [["name", "pid", "status", "cpu", "memory", "restarts", "uptime", "release"]]
    rows += [
        [
            text.harmless(shown(one.get("name"))),
            shown(one.get("pid")),
            shown(one.get("status")),
            f"{float(one.get('cpu') or 0):.0f} %",
            text.size(float(one.get("memory") or 0)),
            shown(one.get("restarts")),
            text.ago(float(one["uptime"])) if one.get("uptime") is not None else "-",
            text.harmless(shown(one.get("release"))),
        ]
        for one in processes
    ]
    first, *others = columns(rows, INDENT, right=(1, 3, 4, 5, 6), room=room, spare=(1, 6, 3))
    yield "dim", f"  processes  {first.removeprefix(INDENT)}"
    for line in others:
        yield "", line


def _disk(disk: dict[str, Any]) -> Iterator[Line]:
    if disk:
        used = ", ".join(
            f"{part} {text.size(disk[part])}" for part in ("releases", "store", "layers") if part in disk
        )
        yield (
            "",
            f"  disk       {text.size(disk.get('free', 0))} free of {text.size(disk.get('total', 0))} · {used}",
        )


def _releases(releases: list[dict[str, Any]], verbose: bool) -> Iterator[Line]:
    listed = releases if verbose else releases[:5]
    said = [
        f"{one.get('release')} {one.get('state')}{' (pinned)' if one.get('pinned') else ''}" for one in listed
    ]
    more = f" and {len(releases) - len(listed)} more" if len(releases) > len(listed) else ""
    if said:
        yield "", f"  releases   {', '.join(said)}{more}"


def _drift(drift: list[str]) -> Iterator[Line]:
    for number, sentence in enumerate(drift):
        yield "yellow", f"  {'' if number else 'drift':<10} {sentence}"


def _deployments(deployments: list[dict[str, Any]], room: int) -> Iterator[Line]:
    """The last five, newest first; `turnout history` has the others."""
    if not deployments:
        return
    from turnout.cli.history import STYLES, table

    newest = deployments[:-6:-1]
    head, *others = table(newest, INDENT, room)
    yield "dim", f"  deployed   {head.removeprefix(INDENT)}"
    for one, line in zip(newest, others, strict=True):
        yield STYLES.get(one["result"], ""), line


def _under_way(host: Host, now: float) -> Iterator[Line]:
    lease, under_way = host.get("lease"), host.get("open")
    if lease:
        since = f" since {text.ago(now - float(lease['since']))}" if lease.get("since") else ""
        yield "yellow", f"  lease      held by {shown(lease.get('by'))}{since}"
    if under_way:
        yield "yellow", f"  switch     to {shown(under_way.get('release'))} is under way"
