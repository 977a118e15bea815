"""`turnout env push`: a file of yours as the .env of an environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.cli.env import value, words
from turnout.cli.out import say
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.model import Secret


def push(
    environment: options.EnvironmentName = None,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", show_default=False, help="What to send; `-` is stdin.")
    ] = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Make FILE (stdin if it is `-`) the .env of an environment; asks before keys are lost."""
    from turnout.cli.env.act import alike, carry_out
    from turnout.model import Change

    environment, rest = words.split([environment, file], config, 1)
    if not rest:
        raise UsageError("which file?", where="the argument FILE", remedy="turnout env push .env.production")
    shared = options.Shared(environment, config, as_json, yes, verbose, quiet)
    text = _read(rest[0])
    before, digest = alike(shared)
    _ask(before, text, yes)
    raise typer.Exit(carry_out("push", Change(text=text, expected=digest), shared))


def _read(name: str) -> Secret:
    if name == "-":
        return value.stdin()
    try:
        return value.text(Path(name).read_bytes(), name)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from None


def _ask(before: Secret, after: Secret, yes: bool) -> None:
    """Keys that would be gone are named, and a person says yes to that."""
    from turnout.cli.host import agreed
    from turnout.hosts import dotenv

    gone = sorted(set(dotenv.parse(before)) - set(dotenv.parse(after)))
    if not gone or yes:
        return
    say([("yellow", f"these keys would be gone: {', '.join(gone)}")])
    if not agreed("go on? [y/N] "):
        raise UsageError("nothing was changed", why="the answer was no")
