"""`turnout promote`: bring what one environment blessed to another; nothing is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.cli.deploy import AllowBreaking
from turnout.errors import UsageError
from turnout.model import DeployOptions

if TYPE_CHECKING:
    from turnout.cli.running import Target
    from turnout.events import Bus
    from turnout.model import Outcome

ONLY_TARGET = ("VPS_HOST", "VPS_USER", "VPS_PORT")
"""Variables that name the host that is deployed to; the one that gives is named by turnout.toml."""


def promote(
    origin: Annotated[str, typer.Argument(metavar="FROM", help="The environment that blessed it.")],
    environment: Annotated[str, typer.Argument(metavar="TO", help="The environment that gets it.")],
    *,
    accept_drift: Annotated[
        bool,
        typer.Option("--accept-drift", help="Go on although a hand changed files of the running release."),
    ] = False,
    restart_pm2: Annotated[
        bool,
        typer.Option(
            "--restart-pm2", help="Let the PM2 daemon be restarted for another Node or PM2; there is a gap."
        ),
    ] = False,
    urgent: options.Urgent = False,
    reason: options.Reason = None,
    allow_breaking: AllowBreaking = False,
    trace: options.Trace = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Deploy the very artifact that another environment blessed: `turnout promote staging production`."""
    from turnout.cli.running import carry_out

    async def act(target: Target, bus: Bus) -> Outcome:
        import os
        from dataclasses import replace
        from functools import partial

        from turnout import runner
        from turnout.cli.deploy import urgency
        from turnout.config import reach
        from turnout.deploy import PROMOTE
        from turnout.steps import origin as giving

        if origin == environment:
            raise UsageError(f"{origin} is promoted from and to", remedy="turnout promote FROM TO")
        giver = target.config.environment(origin)
        variables = {key: value for key, value in os.environ.items() if key not in ONLY_TARGET}
        plan = replace(PROMOTE, begin=partial(giving.begin, giver, reach(giver, variables)))
        wanted = DeployOptions(
            origin,
            accept_drift,
            restart_pm2,
            urgent=urgency(urgent, reason),
            allow_breaking=allow_breaking,
        )
        return await runner.run(plan, target.config, target.environment, target.reach, wanted, bus)

    shared = options.Shared(environment, config, as_json, yes, verbose, quiet, trace)
    raise typer.Exit(carry_out(shared, act))
