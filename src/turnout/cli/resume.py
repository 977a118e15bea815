"""`turnout resume`: end what an earlier run left open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from turnout.cli import options

if TYPE_CHECKING:
    from turnout.cli.running import Target
    from turnout.events import Bus
    from turnout.model import Outcome


def resume(
    environment: options.EnvironmentName = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Finish or undo what a run that died left open, on every host, and say which.

    Nobody has to: the next deploy does the same, and so does the host's boot. The exit code is 50 if one was undone.
    """
    from turnout.cli.running import carry_out

    async def act(target: Target, bus: Bus) -> Outcome:
        from turnout import deploy, runner
        from turnout.model import DeployOptions

        return await runner.run(
            deploy.RESUME, target.config, target.environment, target.reach, DeployOptions(), bus
        )

    raise typer.Exit(carry_out(options.Shared(environment, config, as_json, yes, verbose, quiet), act))
