"""`turnout env set` and `unset`: one change, one release."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.cli.env import value, words
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.model import Change


def set_(
    environment: options.EnvironmentName = None,
    key: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", show_default=False, help="The key; its value never is an argument."),
    ] = None,
    *,
    editor: Annotated[
        bool, typer.Option("--editor", help="Edit the value in $EDITOR; without a key, the whole .env.")
    ] = False,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Set a key of the .env, its value from stdin or a hidden prompt; without a key, lines KEY=VALUE from stdin."""
    from turnout.cli.env.act import carry_out

    environment, rest = words.split([environment, key], config, 1)
    shared = options.Shared(environment, config, as_json, yes, verbose, quiet)
    wanted = _wanted(words.key(rest[0]) if rest else None, editor, shared)
    raise typer.Exit(carry_out("set", wanted, shared))


def unset(
    environment: options.EnvironmentName = None,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY", show_default=False, help="One or more.")
    ] = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Take keys out of the .env."""
    from turnout.cli.env.act import carry_out
    from turnout.model import Change

    environment, rest = words.split([environment, *(keys or [])], config, 100)
    if not rest:
        raise UsageError("which key?", where="the argument KEY", remedy="turnout env list    lists them")
    shared = options.Shared(environment, config, as_json, yes, verbose, quiet)
    raise typer.Exit(carry_out("unset", Change({words.key(word): None for word in rest}), shared))


def _wanted(key: str | None, editor: bool, shared: options.Shared) -> Change:
    from turnout.hosts import dotenv
    from turnout.model import Change

    if editor:
        return _edited(key, shared)
    if key is not None:
        return Change({key: value.one(key)})
    if sys.stdin.isatty():
        raise UsageError(
            "which key?",
            where="the argument KEY",
            remedy=["turnout env set KEY", "turnout env set --editor    for the whole .env"],
        )
    lines = dotenv.parse(value.stdin())
    if not lines:
        raise UsageError("there is no line KEY=VALUE on standard input", remedy="turnout env set KEY")
    return Change({words.key(key): found for key, found in lines.items()})


def _edited(key: str | None, shared: options.Shared) -> Change:
    from turnout.cli.env.act import alike
    from turnout.hosts import dotenv
    from turnout.model import Change, Secret

    before, digest = alike(shared)
    if key is None:
        return Change(text=value.edited(before, ".env"), expected=digest)
    now = dotenv.parse(before).get(key, Secret(""))
    after = value.edited(Secret(now.reveal() + "\n"), key)
    return Change({key: Secret(after.reveal().removesuffix("\n"))}, expected=digest)
