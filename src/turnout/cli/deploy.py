"""`turnout deploy`: bring a revision to an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from turnout import text
from turnout.cli import options
from turnout.errors import UsageError
from turnout.model import DeployOptions

if TYPE_CHECKING:
    from turnout.cli.running import Target
    from turnout.events import Bus
    from turnout.model import Outcome

AllowBreaking = Annotated[
    bool,
    typer.Option("--allow-breaking", help="Apply migrations although they break the release that runs now."),
]
REASON = 300
"""Characters of a reason."""


def deploy(
    environment: options.EnvironmentName = None,
    *,
    ref: Annotated[
        str, typer.Option("--ref", metavar="REF", help="The revision: a branch, a tag or a commit.")
    ] = "HEAD",
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
    update_runtime: Annotated[
        bool, typer.Option("--update-runtime", help="Ask anew for the newest Node in the range of `node`.")
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
    """Deploy a revision: build it, rehearse it, switch to it, and prove that it serves."""
    from turnout.cli.running import carry_out

    async def act(target: Target, bus: Bus) -> Outcome:
        said = urgency(urgent, reason)
        wanted = DeployOptions(ref, accept_drift, restart_pm2, update_runtime, said, allow_breaking)
        from turnout import runner
        from turnout.deploy import DEPLOY

        return await runner.run(DEPLOY, target.config, target.environment, target.reach, wanted, bus)

    shared = options.Shared(environment, config, as_json, yes, verbose, quiet, trace)
    raise typer.Exit(carry_out(shared, act))


def urgency(urgent: bool, reason: str | None) -> str | None:
    """The reason for which it is urgent, on one line; None when it is not. Raises UsageError."""
    said = " ".join((reason or "").split())
    if not urgent and reason is None:
        return None
    if urgent and said and len(said) <= REASON and text.harmless(said) == said:
        return said
    why = "the reason is kept with your name in each host's journal"
    raise UsageError(
        "--urgent and --reason go together"
        if not (urgent and said)
        else f"the reason is one line of at most {REASON} letters",
        why=why,
        remedy='--urgent --reason "payments fail since 14:02"',
    )
