"""`turnout releases`: the releases on every host, newest first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from turnout import text
from turnout.cli import options
from turnout.cli.out import Line, columns, named, say, shown, width
from turnout.errors import TurnoutError


def releases(
    environment: options.EnvironmentName = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,  # noqa: ARG001 - the list is all there is
) -> None:
    """List the releases of every host; those that are blessed can be rolled back to."""
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    from turnout import inspect

    lost: list[TurnoutError] = []
    hosts = run(inspect.releases(goal.config, goal.environment, goal.reach, lost))
    if as_json:
        from turnout.cli.jsonlines import write

        write({"app": goal.config.app, "environment": goal.environment.name, "hosts": hosts})
    else:
        say(screen(hosts, time.time(), width()))
    if lost:
        raise lost[0]


def screen(hosts: list[dict[str, Any]], now: float, room: int = 0) -> Iterator[Line]:
    """A table a host; it fits into `room` columns, if that is not 0."""
    for host in hosts:
        if "problem" in host:
            yield "red", f"✗ {named(host['host'], host['problem'])}"
            continue
        yield "bold", str(host.get("host"))
        found = host.get("releases") or []
        if not found:
            yield "", "  no release yet"
            continue
        head, *rows = columns(
            [
                ["", "release", "state", "revision", "age", "by", "subject"],
                *(_row(one, now) for one in found),
            ],
            "  ",
            room=room,
            spare=(3, 5),
        )
        yield "dim", head
        for one, row in zip(found, rows, strict=True):
            yield "green" if one.get("current") else "" if one.get("blessed") else "dim", row


def _row(one: dict[str, Any], now: float) -> list[str]:
    said = (
        one.get("reason")
        if one.get("state") in {"failed", "reverted"} and one.get("reason")
        else one.get("subject")
    )
    if one.get("env") is not None and said == one.get("subject"):
        said = f"{said or ''} (.env: {', '.join(one['env']) or 'no value'})".strip()
    return [
        "→" if one.get("current") else "",
        shown(one.get("release")),
        f"{shown(one.get('state'))}{', pinned' if one.get('pinned') else ''}",
        shown(one.get("revision"))[:10],
        text.ago(now - float(one["ts"])) if one.get("ts") else "-",
        text.harmless(shown(one.get("by"))),
        text.lines(str(said or ""))[0][:80],
    ]
