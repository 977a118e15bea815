"""`turnout health`: asks every host's health path once."""

from __future__ import annotations

import time

import typer

from turnout.cli import options
from turnout.cli.out import say
from turnout.cli.status import exit_code, headline, health_words


def health(
    environment: options.EnvironmentName = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,
) -> None:
    """Ask the health path of every host once; exit code 50 if one is not well."""
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    from turnout import inspect

    hosts = run(inspect.health(goal.config, goal.environment, goal.reach))
    if as_json:
        from turnout.cli.jsonlines import write

        write({"app": goal.config.app, "environment": goal.environment.name, "hosts": hosts})
    elif not quiet:
        for host in hosts:
            say(headline(host, time.time()))
            say([("", f"  health     {health_words(host.get('health') or {})}")])
            say([("yellow", f"  look       {doubt}") for doubt in host.get("needs_a_look") or ()])
    raise typer.Exit(exit_code(hosts))
