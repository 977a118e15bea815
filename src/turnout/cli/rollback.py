"""`turnout rollback`: go back to an earlier blessed release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.errors import UsageError
from turnout.model import RELEASE_NAME, RollbackOptions

if TYPE_CHECKING:
    from turnout.cli.running import Target
    from turnout.events import Bus
    from turnout.model import Outcome


REASON = 500
"""Characters of a reason, at most."""


def rollback(
    environment: options.EnvironmentName = None,
    release: Annotated[
        str | None,
        typer.Argument(
            metavar="[RELEASE]",
            show_default=False,
            help="Such as v41; without it, the newest blessed one below the running one.",
        ),
    ] = None,
    *,
    keep_env: Annotated[
        bool, typer.Option("--keep-env", help="Run it with today's dotenv, not with its own of then.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Go back although older code cannot work with what migrations changed."),
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", show_default=False, help="Why; goes into the journal."),
    ] = None,
    trace: options.Trace = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Activate an earlier blessed release; nothing is built and nothing is migrated.

    Says beforehand what does not come back: migrations since then, and the dotenv's keys that differ.
    Refuses with 10 when a migration since then took away what the older code uses.
    """
    from turnout.cli.running import carry_out

    environment, release = split(environment, release)

    async def act(target: Target, bus: Bus) -> Outcome:
        from turnout import runner
        from turnout.deploy import ROLLBACK, ROLLBACK_KEEPING_DOTENV

        wanted = RollbackOptions(checked(release), keep_env, force, why(force, reason))
        plan = ROLLBACK_KEEPING_DOTENV if keep_env else ROLLBACK
        return await runner.run(plan, target.config, target.environment, target.reach, wanted, bus)

    shared = options.Shared(environment, config, as_json, yes, verbose, quiet, trace)
    raise typer.Exit(carry_out(shared, act))


def split(environment: str | None, release: str | None) -> tuple[str | None, str | None]:
    """Environment and release as they were meant: `rollback v41` names a release."""
    if environment is not None and release is None and RELEASE_NAME.fullmatch(environment):
        return None, environment
    return environment, release


def why(force: bool, reason: str | None) -> str | None:
    """The reason, if it can be one; a rollback that is forced needs one. Raises UsageError."""
    if force and not (reason or "").strip():
        raise UsageError("--force needs a reason", where="--reason", remedy='--force --reason "why"')
    if reason is not None and (len(reason) > REASON or not reason.isprintable()):
        raise UsageError(f"--reason is one line of at most {REASON} characters", where="--reason")
    return reason


def checked(release: str | None) -> str | None:
    """The release, if it can be one. Raises UsageError."""
    if release is not None and not RELEASE_NAME.fullmatch(release):
        raise UsageError(
            f"{release!r} is not a release",
            where="the argument RELEASE",
            why="a release is v and a number, such as v41",
            remedy="turnout releases    lists them",
        )
    return release
