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
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Activate an earlier blessed release; nothing is built and nothing is migrated."""
    from turnout.cli.running import carry_out

    environment, release = split(environment, release)

    async def act(target: Target, bus: Bus) -> Outcome:
        from turnout import runner
        from turnout.deploy import ROLLBACK

        wanted = RollbackOptions(checked(release))
        return await runner.run(ROLLBACK, target.config, target.environment, target.reach, wanted, bus)

    shared = options.Shared(environment, config, as_json, yes, verbose, quiet)
    raise typer.Exit(carry_out(shared, act))


def split(environment: str | None, release: str | None) -> tuple[str | None, str | None]:
    """Environment and release as they were meant: `rollback v41` names a release."""
    if environment is not None and release is None and RELEASE_NAME.fullmatch(environment):
        return None, environment
    return environment, release


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
