"""`turnout restore`: the database as it was."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout import text
from turnout.cli import options
from turnout.cli.out import Line, say
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.cli.running import Target
    from turnout.events import Bus
    from turnout.model import Outcome


def restore(
    environment: options.EnvironmentName = None,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", show_default=False, help="The backup; `turnout backup --list` lists them."
        ),
    ] = None,
    *,
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Do not back up the present state first: it is lost anyway.")
    ] = False,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Overwrite the database with a backup, by the environment's own command; asks first."""
    from turnout.cli.running import carry_out, target

    environment, name = _split(environment, name, config)
    shared = options.Shared(environment, config, as_json, yes, verbose, quiet)
    if not yes:
        _ask(target(shared), name, no_backup)

    async def act(goal: Target, bus: Bus) -> Outcome:
        from turnout import runner, upkeep
        from turnout.model import DeployOptions

        wanted = _possible(goal, name, no_backup)
        plan = upkeep.bring_back(wanted, not no_backup)
        return await runner.run(
            plan, goal.config, goal.environment, goal.reach, DeployOptions(ref=wanted), bus
        )

    raise typer.Exit(carry_out(shared, act))


def _split(environment: str | None, name: str | None, config: Any) -> tuple[str | None, str | None]:
    """Environment and name as they were meant: `restore before-v7` names a backup."""
    if environment is None or name is not None:
        return environment, name
    from pathlib import Path

    from turnout.config import load

    return (
        (environment, None) if environment in load(config, Path.cwd()).environments else (None, environment)
    )


def _possible(goal: Target, name: str | None, no_backup: bool) -> str:
    from turnout.cli.backup import checked, needs

    if name is None:
        raise UsageError(
            "which backup?", where="the argument NAME", remedy="turnout backup --list    lists them"
        )
    needs(goal, "database_restore")
    if not no_backup:
        needs(goal, "database_backup")
    return checked(name)


def _ask(goal: Target, name: str | None, no_backup: bool) -> None:
    """Say what will be overwritten, and with what; go on only with a yes."""
    from turnout import inspect
    from turnout.cli.host import agreed
    from turnout.cli.running import run

    wanted = _possible(goal, name, no_backup)
    host = run(inspect.status(goal.config, goal.environment, goal.reach))[0]
    found = next((one for one in host["backups"] if one["name"] == wanted), None)
    if found is None:
        there = ", ".join(str(one["name"]) for one in host["backups"]) or "none"
        raise UsageError(f"there is no backup {wanted} on {host['host']}", why=f"there is {there}")
    say(warning(goal.environment.name, host, found, no_backup, time.time()))
    if not agreed(f"overwrite the database of {goal.environment.name}? [y/N] "):
        raise UsageError("nothing was restored", why="the answer was no")


def warning(
    environment: str, host: dict[str, Any], found: dict[str, Any], no_backup: bool, now: float
) -> list[Line]:
    """What a person should know before the yes."""
    age, size = text.ago(now - float(found["ts"])), text.size(float(found["size"]))
    lines = [
        ("bold", f"{found['name']} is {age} old: {size}, made when {found.get('release') or 'nothing'} ran"),
        ("yellow", f"what was written to the database of {environment} since then will be gone"),
        ("", f"{host['release']} serves from it now, on {host['host']}, and goes on serving meanwhile"),
    ]
    if no_backup:
        return [*lines, ("yellow", "the present state is not kept (--no-backup)")]
    return [*lines, ("", "the present state is backed up first")]
