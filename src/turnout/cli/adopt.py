"""`turnout host adopt`: take over a host that the old workflow deployed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from turnout.cli import options
from turnout.cli.host import agreed
from turnout.cli.out import Line, columns, say
from turnout.errors import Cancelled

if TYPE_CHECKING:
    from turnout.cli.running import Target
    from turnout.events import Bus
    from turnout.model import Outcome


def adopt(
    environment: options.EnvironmentName = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Make what the old workflow deployed (a real current/) the first release; it serves on, nothing is deleted."""
    from turnout.cli.running import carry_out

    async def act(target: Target, bus: Bus) -> Outcome:
        from turnout import runner
        from turnout.deploy import ADOPT
        from turnout.model import DeployOptions

        return await runner.run(ADOPT, target.config, target.environment, target.reach, DeployOptions(), bus)

    shared = options.Shared(environment, config, as_json, yes, verbose, quiet)
    if not yes:
        _ask(shared)
    raise typer.Exit(carry_out(shared, act))


def _ask(shared: options.Shared) -> None:
    """Show what would happen on each host, and have a person agree. Hosts that refuse are left to the survey."""
    from turnout import inspect
    from turnout.cli.running import run, target

    goal = target(shared)
    hosts = run(inspect.adoption(goal.config, goal.environment, goal.reach))
    wanted = [one for one in hosts if one["needed"]]
    if not wanted or any(found["fatal"] for one in wanted for found in one["findings"]):
        return
    say(line for one in wanted for line in screen(one))
    if not agreed("adopt it? [y/N] "):
        raise Cancelled("not adopted", state="nothing was changed")


def screen(seen: dict[str, Any], indent: str = "") -> Iterator[Line]:
    """What adopting one host would do, line by line."""
    release, reload, number = str(seen["release"]), str(seen["reload"]), len(seen["processes"])
    rows = [
        ["current/", f"moves to releases/{release} as it is, writable; `current` becomes a link to it"],
        ["current/.env", f"is copied to shared/.env ({len(seen['dotenv']['keys'])} keys)"],
        *([f"current/{name}", f"moves to shared/{name}, with a link where it was"] for name in seen["moves"]),
    ]
    count = len(seen["backups"])
    if count:
        rows.append(["backups/", f"{count} real {'backup' if count == 1 else 'backups'}: kept, never pruned"])
    how = f"are reloaded, one after another: {reload}" if reload else "go on untouched"
    rows.append(["processes", f"{number} {how}"])
    if reload and any(one["mode"] == "fork" for one in seen["processes"]):
        rows.append(["", "in fork mode, with a gap of about 0.5 s"])
    yield "bold", f"{indent}{seen['host']}: what the old workflow deployed becomes {release}"
    yield from (("", line) for line in columns(rows, indent=f"{indent}  "))
    yield from (
        ("yellow", f"{indent}  note: {found['why']}") for found in seen["findings"] if not found["fatal"]
    )
