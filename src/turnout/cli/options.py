"""The arguments and options that every command takes (DESIGN 7)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


def _no_color(value: bool) -> bool:
    if value:
        os.environ["NO_COLOR"] = "1"  # what rich, npm and every other program that is started look at
    return value


EnvironmentName = Annotated[
    str | None,
    typer.Argument(
        metavar="[ENVIRONMENT]", show_default=False, help="May be left out where the file names only one."
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "-c", "--config", metavar="FILE", show_default=False, help="Read FILE instead of turnout.toml."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs to stdout.")]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing; take every question as answered with yes.")]
NoColor = Annotated[
    bool, typer.Option("--no-color", callback=_no_color, help="No colours, and no moving display.")
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show all output of commands.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Show only how it ended.")]
Trace = Annotated[
    Path | None,
    typer.Option(
        "--trace",
        metavar="FILE",
        show_default=False,
        help="Write when each step and call ran, for Chrome's trace viewer and OpenTelemetry.",
    ),
]
Urgent = Annotated[
    bool,
    typer.Option(
        "--urgent", help="Pass windows, soak and unfinished checks, never failed ones; needs --reason."
    ),
]
Reason = Annotated[
    str | None,
    typer.Option(
        "--reason", metavar="TEXT", show_default=False, help="Why it is urgent; kept with your name."
    ),
]
"""What passes the gate."""


@dataclass(frozen=True)
class Shared:
    """What was given of them."""

    environment: str | None = None
    config: Path | None = None
    as_json: bool = False
    yes: bool = False
    verbose: bool = False
    quiet: bool = False
    trace: Path | None = None
