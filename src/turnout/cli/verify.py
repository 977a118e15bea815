"""`turnout verify`: is everything on every host as Turnout left it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from turnout import text
from turnout.cli import options
from turnout.cli.out import Line, say, shown
from turnout.errors import SurveyRefused


def verify(
    environment: options.EnvironmentName = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - all of it is shown
    quiet: options.Quiet = False,
) -> None:
    """Check every release's digests, links, journal and processes on every host. It only looks.

    Each finding comes with its remedy; the exit code is then 23, and 0 when all is well.
    """
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    from turnout import inspect

    hosts = run(inspect.verify(goal.config, goal.environment, goal.reach))
    if as_json:
        from turnout.cli.jsonlines import write

        write({"app": goal.config.app, "environment": goal.environment.name, "hosts": hosts})
    elif not quiet:
        say(screen(hosts))
    raise typer.Exit(SurveyRefused.exit_code if any(host["findings"] for host in hosts) else 0)


def screen(hosts: list[dict[str, Any]]) -> Iterator[Line]:
    """For each host: a line when it is well, else its findings."""
    for host in hosts:
        found, checked = host["findings"], host["checked"]
        looked = (
            f"{_many(checked['releases'], 'release')}, {_many(checked['layers'], 'layer')}, "
            f"{_many(checked['entries'], 'journal entry')}, {_many(checked['processes'], 'process')}, "
            f"{text.size(checked['bytes'])} hashed"
        )
        if found:
            yield "yellow", f"! {host['host']} · {_many(len(found), 'finding')} · {looked}"
        else:
            yield "green", f"✓ {host['host']} · {shown(host['release'])} · all is well · {looked}"
        for one in found:
            yield "", f"  {one['what']:<9}  {one['why']}"
            yield "dim", f"             {one['where']}"
            for line in one["remedy"]:
                yield "bold", f"             do  {line}"
        if host.get("lease"):
            yield "yellow", f"  {host['lease'].get('by')} is at work there: leftovers were not looked for"


def _many(count: int, what: str) -> str:
    if count == 1:
        return f"1 {what}"
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{count:,} {plural}"
