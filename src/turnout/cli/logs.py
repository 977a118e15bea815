"""`turnout logs`: the app's log files of all hosts, merged by time."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.errors import Cancelled, UsageError

if TYPE_CHECKING:
    from turnout.model import Address
    from turnout.watch.merge import Line

LAST = 100
"""Lines that are shown when nothing else is asked for."""

Follow = Annotated[bool, typer.Option("-f", "--follow", help="Go on with what comes, until Ctrl-C.")]
Err = Annotated[bool, typer.Option("--err", help="Only what the app wrote to its standard error.")]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN", show_default=False, help="Only lines since then: 10m, 2h, 13:05, '2026-11-25 13:05'."
    ),
]
Lines = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--lines",
        min=0,
        max=100_000,
        show_default=False,
        help="The last N lines (100; with --since all).",
    ),
]
Grep = Annotated[
    str | None,
    typer.Option(metavar="PATTERN", show_default=False, help="Only lines that match the regular expression."),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option("--host", metavar="HOST", show_default=False, help="Only this host; may be given again."),
]


def logs(
    environment: options.EnvironmentName = None,
    *,
    follow: Follow = False,
    err: Err = False,
    since: Since = None,
    lines: Lines = None,
    grep: Grep = None,
    host: Hosts = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,
) -> None:
    """Show the app's logs of every host, merged by time; --follow goes on with what comes."""
    from turnout.cli.moment import moment
    from turnout.cli.pipe import Closed, Pipe
    from turnout.cli.running import run, target
    from turnout.watch.logs import Wish, read

    goal = target(options.Shared(environment, config))
    chosen = choose(list(goal.reach.hosts), host or [])
    wish = Wish(
        streams=("err",) if err else ("out", "err"),
        lines=lines if lines is not None else None if since else LAST,
        since=moment(since, datetime.now().astimezone()) if since else None,
        grep=_checked(grep),
        follow=follow,
    )
    pipe, show = Pipe(sys.stdout), Show([str(one) for one in chosen], as_json)

    async def out(found: list[Line]) -> None:
        await pipe.write("".join(map(show.line, found)))

    def note(text: str) -> None:
        if not quiet:
            from turnout.cli.out import say

            say([("yellow", text)])

    try:
        files = run(read(goal.environment, goal.reach, chosen, wish, out, note))
    except Closed:
        raise typer.Exit from None
    except Cancelled:  # how one leaves what has no end
        raise typer.Exit(Cancelled.exit_code) from None
    if not files:
        note(f"no log yet: {goal.environment.path}/shared/logs has no out.log and no err.log")


class Show:
    """A line as it is printed: JSON, or the text with its colours; the host in front where there are several."""

    def __init__(self, hosts: list[str], as_json: bool) -> None:
        from turnout.cli.block import wants_color

        self._json, self._color = as_json, wants_color(sys.stdout)
        width = max(map(len, hosts))
        self._labels = {host: f"{host:<{width}} │ " if len(hosts) > 1 else "" for host in hosts}
        self._paint = {host: f"\x1b[{36 - number % 6}m" for number, host in enumerate(hosts)}

    def line(self, line: Line) -> str:
        """With its end."""
        if self._json:
            import json

            facts = {"host": line.host, "ts": line.ts, "stream": line.stream, "text": line.text}
            return json.dumps(facts) + "\n"
        from turnout.watch.colour import RESET, coloured, plain

        label = self._labels[line.host]
        if not self._color:
            return f"{label}{plain(line.text)}\n"
        text = coloured(line.text)
        if line.stream == "err" and RESET not in text:
            text = f"\x1b[31m{text}{RESET}"
        return f"{self._paint[line.host]}{label}{RESET}{text}\n" if label else f"{text}\n"


def choose(hosts: list[Address], wanted: list[str]) -> list[Address]:
    """The hosts that were named, by `user@host[:port]` or the host alone; all where none was. Raises UsageError."""
    for name in wanted:
        if not any(name in {str(one), one.host} for one in hosts):
            raise UsageError(
                f"there is no host {name!r} in this environment",
                remedy=[f"--host {one}" for one in hosts],
            )
    return [one for one in hosts if not wanted or {str(one), one.host} & set(wanted)]


def _checked(expression: str | None) -> str | None:
    try:
        re.compile(expression or "")
    except re.error as error:
        raise UsageError(f"--grep is no regular expression: {error}", where=str(expression)) from None
    return expression
