"""`turnout env list`: the names, never the values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from turnout.cli import options
from turnout.cli.out import Line, columns, say


def list_(
    environment: options.EnvironmentName = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,  # noqa: ARG001 - the list is all there is
) -> None:
    """List the keys of the .env on every host, each with a fingerprint that changes with its value."""
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    from turnout import inspect

    hosts = run(inspect.dotenv(goal.config, goal.environment, goal.reach))
    if as_json:
        from turnout.cli.jsonlines import write

        shown = [{key: one[key] for key in ("host", "running", "keys", "waiting")} for one in hosts]
        write({"app": goal.config.app, "environment": goal.environment.name, "hosts": shown})
    else:
        say(screen(hosts))


def screen(hosts: list[dict[str, Any]]) -> Iterator[Line]:
    """A table a host."""
    for host in hosts:
        yield "bold", f"{host['host']} · {host['running'] or 'nothing runs'}"
        keys, waiting = host["keys"], host["waiting"]
        if not keys:
            yield "", "  no .env yet"
            continue
        names = [*keys, *(key for key in waiting if key not in keys)]
        rows = [[name, keys.get(name, "-"), _note(name, keys, waiting)] for name in names]
        head, *lines = columns([["key", "fingerprint", ""], *rows])
        yield "dim", f"  {head}"
        for name, line in zip(names, lines, strict=True):
            yield "yellow" if name in waiting else "", f"  {line}"


def _note(name: str, keys: dict[str, str], waiting: list[str]) -> str:
    if name not in waiting:
        return ""
    return f"{'edited' if name in keys else 'taken out'} on the host, not deployed yet"
