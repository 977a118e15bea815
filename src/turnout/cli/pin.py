"""`turnout pin`: a release that is never pruned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.cli.rollback import checked, split
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.cli.running import Target
    from turnout.events import Bus
    from turnout.model import Outcome


def pin(
    environment: options.EnvironmentName = None,
    release: Annotated[
        str | None, typer.Argument(metavar="RELEASE", show_default=False, help="Such as v41.")
    ] = None,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the pin.")] = False,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Pin a blessed release: it is never pruned, and can always be rolled back to."""
    from turnout.cli.running import carry_out

    environment, release = split(environment, release)

    async def act(target: Target, bus: Bus) -> Outcome:
        from turnout import runner, upkeep
        from turnout.model import DeployOptions

        name = checked(release)
        if name is None:
            raise UsageError(
                "which release?", where="the argument RELEASE", remedy="turnout releases    lists them"
            )
        plan = upkeep.pin(name, remove)
        return await runner.run(plan, target.config, target.environment, target.reach, DeployOptions(), bus)

    raise typer.Exit(carry_out(options.Shared(environment, config, as_json, yes, verbose, quiet), act))
