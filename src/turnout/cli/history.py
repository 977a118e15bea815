"""`turnout history`: who deployed what, why, how it ended, and what it took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from turnout import text
from turnout.cli import options
from turnout.cli.out import Line, columns, fold, say, shown, width
from turnout.errors import TurnoutError

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="The newest N deployments.")]
STYLES = {"succeeded": "green", "reverted": "red", "failed": "red", "refused": "yellow", None: "yellow"}
HEAD = ["when", "what", "release", "result", "took", "sent", "by", "revision", ""]


def history(
    environment: options.EnvironmentName = None,
    *,
    limit: Limit = 20,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,  # noqa: ARG001 - the list is all there is
) -> None:
    """List the last deployments of every host: who, what, why, how it ended; -v adds the time of each step."""
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    from turnout import inspect
    from turnout.report.history import merged

    lost: list[TurnoutError] = []
    found = merged(run(inspect.deployments(goal.config, goal.environment, goal.reach, limit, lost)))[:limit]
    if as_json:
        from turnout.cli.jsonlines import write

        write({"app": goal.config.app, "environment": goal.environment.name, "deployments": found})
    else:
        say(fold(screen(found, verbose, width()), width()))
    if lost:
        raise lost[0]


def screen(rows: Sequence[dict[str, Any]], verbose: bool = False, room: int = 0) -> Iterator[Line]:
    """A line a deployment; what went wrong, what a person gave as reason, and times of steps below it."""
    if not rows:
        yield "", "no deployment yet"
        return
    head, *others = table(rows, "", room)
    yield "dim", head
    for one, line in zip(rows, others, strict=True):
        yield STYLES.get(one["result"], ""), line
        yield from _below(one, verbose)


def table(rows: Sequence[dict[str, Any]], indent: str, room: int) -> list[str]:
    """A head and a line a deployment, in `room` columns of a terminal (0: in as many as they take)."""
    return columns([HEAD, *map(row_of, rows)], indent, right=(4, 5), room=room, spare=(7, 5, 6, 1))


def row_of(one: dict[str, Any]) -> list[str]:
    """The cells of a deployment."""
    before, after = one.get("previous"), one.get("release")
    return [
        time.strftime("%Y-%m-%d %H:%M", time.localtime(float(one["started"]))),
        text.harmless(shown(one.get("command"))) + (" urgent" if one.get("urgent") else ""),
        f"{before} → {after}" if before and after and before != after else shown(after),
        shown(one["result"]) if one["result"] else "under way",
        text.took(float(one["seconds"])) if one.get("seconds") is not None else "-",
        text.size(float(one["bytes_sent"])) if one.get("bytes_sent") is not None else "-",
        text.harmless(shown(one.get("by"))),
        shown(one.get("revision"))[:10],
        text.lines(str(one.get("subject") or ""))[0][:60],
    ]


def _below(one: dict[str, Any], verbose: bool) -> Iterator[Line]:
    if one.get("why"):
        yield "", f"    because {one['why']}"
    if one.get("reason") and one["result"] != "succeeded":
        step = f"{one['step']}: " if one.get("step") else ""
        yield "dim", f"    {step}{text.lines(str(one['reason']))[0]}"
    results = {host: facts["result"] or "under way" for host, facts in (one.get("hosts") or {}).items()}
    if len(set(results.values())) > 1:
        yield "yellow", "    " + ", ".join(f"{host} {result}" for host, result in results.items())
    if verbose and one.get("steps"):
        yield "dim", f"    {' · '.join(f'{step} {text.took(took)}' for step, took in one['steps'].items())}"
