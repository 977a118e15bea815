"""`turnout backup`: the database as it is now, kept on the host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout import text
from turnout.cli import options
from turnout.cli.out import Line, columns, say, shown
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.cli.running import Target
    from turnout.events import Bus
    from turnout.model import Outcome


def backup(
    environment: options.EnvironmentName = None,
    *,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Such as before-big-change; it stays as long as its release is pinned.",
        ),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Only list the backups that are kept.")] = False,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Back up the database by the environment's own command, checked, and pin the running release."""
    from turnout.cli.running import carry_out

    shared = options.Shared(environment, config, as_json, yes, verbose, quiet)
    if listed:
        _list(shared)
        return

    async def act(target: Target, bus: Bus) -> Outcome:
        from turnout import runner, upkeep
        from turnout.model import DeployOptions

        needs(target, "database_backup")
        plan = upkeep.keep(None if name is None else checked(name))
        return await runner.run(plan, target.config, target.environment, target.reach, DeployOptions(), bus)

    raise typer.Exit(carry_out(shared, act))


def checked(name: str) -> str:
    """The name of a backup, if it can be one. Raises UsageError."""
    from turnout.config import border

    try:
        return border.name(name)
    except ValueError as error:
        raise UsageError("not a backup's name", why=str(error)) from None


def needs(target: Target, key: str) -> None:
    """UsageError where the environment lacks this command."""
    if getattr(target.environment, key) is None:
        raise UsageError(
            f"{target.environment.name} has no `{key}`",
            where=target.config.file.name,
            remedy=[f"add `{key}` to [environments.{target.environment.name}]: see docs/backup.md"],
        )


def _list(shared: options.Shared) -> None:
    from turnout import inspect
    from turnout.cli.running import run, target

    goal = target(shared)
    hosts = run(inspect.status(goal.config, goal.environment, goal.reach))
    if shared.as_json:
        from turnout.cli.jsonlines import write

        found = [{"host": one["host"], "backups": one["backups"]} for one in hosts]
        write({"app": goal.config.app, "environment": goal.environment.name, "hosts": found})
    else:
        say(screen(hosts, time.time()))


def screen(hosts: list[dict[str, Any]], now: float) -> Iterator[Line]:
    """A table a host, newest first."""
    for host in hosts:
        yield "bold", str(host.get("host"))
        found = host.get("backups") or []
        if not found:
            yield "", "  no backup yet"
            continue
        head, *rows = columns(
            [["backup", "age", "release", "size", "on disk", "why", "by"], *_rows(found, now)]
        )
        yield "dim", f"  {head}"
        for one, row in zip(found, rows, strict=True):
            yield (
                "" if one.get("there") else "yellow",
                f"  {row}{'' if one.get('there') else '  the file is gone'}",
            )


def _rows(found: list[dict[str, Any]], now: float) -> Iterator[list[str]]:
    for one in found:
        yield [
            shown(one.get("name")),
            text.ago(now - float(one["ts"])),
            shown(one.get("release")),
            text.size(float(one.get("size") or 0)),
            text.size(float(one.get("packed") or 0)),
            shown(one.get("why")),
            text.harmless(shown(one.get("by"))),
        ]
