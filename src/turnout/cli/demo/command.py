"""`turnout demo`: everything that Turnout does, on a server that lives in a temporary folder."""

from __future__ import annotations

from typing import Annotated

import typer

from turnout.cli import options
from turnout.errors import Cancelled


def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Stay until Ctrl-C, for a second terminal to try things.")
    ] = False,
    as_json: options.Json = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Deploy a sample app to a server in a temporary folder: good releases, bad ones, and the way back."""
    from turnout.cli.demo.stage import Stage
    from turnout.cli.demo.whole import whole
    from turnout.cli.running import run

    stage = Stage(options.Shared(as_json=as_json, verbose=verbose, quiet=quiet))
    try:
        raise typer.Exit(run(whole(stage, keep), stage.tick))
    except Cancelled:
        raise Cancelled("stopped", state="all that the demo started has ended; its folder is gone") from None
