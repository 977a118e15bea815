"""`turnout env pull`: the .env of an environment as a file of yours."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from turnout.cli import options
from turnout.cli.env import words
from turnout.cli.out import say
from turnout.errors import UsageError


def pull(
    environment: options.EnvironmentName = None,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", show_default=False, help="Where to; `-` is stdout.")
    ] = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,
) -> None:
    """Write the .env of an environment to FILE, 0600 (.env.ENVIRONMENT if not given); to stdout if FILE is `-`."""
    from turnout.cli.env.act import there
    from turnout.cli.running import target

    environment, rest = words.split([environment, file], config, 1)
    shared = options.Shared(environment, config)
    name = target(shared).environment.name
    target_file = rest[0] if rest else f".env.{name}"
    text = there(shared)[0].reveal().encode("utf-8", "surrogateescape")
    if target_file == "-":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    write(Path(target_file), text, replace=yes)
    if as_json:
        from turnout.cli.jsonlines import write as tell

        tell({"environment": name, "file": target_file})
    elif not quiet:
        say(
            [
                (
                    "green",
                    f"✓ the .env of {name} is in {target_file}, for your eyes only (0600); keep it out of git",
                )
            ]
        )


def write(file: Path, data: bytes, replace: bool) -> None:
    """Put the file there whole, 0600 from its first byte on. One that is there already is replaced only if asked."""
    if file.exists() and not replace:
        raise UsageError(
            f"{file} is there already", remedy=["name another file", "or add --yes to replace it"]
        )
    try:
        descriptor, temp = tempfile.mkstemp(prefix=".env-", dir=file.parent)  # 0600 by itself
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(temp).replace(file)
    except BaseException:
        Path(temp).unlink(missing_ok=True)
        raise
