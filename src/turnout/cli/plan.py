"""`turnout plan`: what a deployment would do, host by host, before anything happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout import text
from turnout.cli import options
from turnout.cli.out import Line, say
from turnout.errors import GateRefused, SurveyRefused
from turnout.model import DeployOptions

if TYPE_CHECKING:
    from turnout.events import Event
    from turnout.migrations.pending import Migration
    from turnout.planning.outlook import Outlook, Plan

CHANGES = 3
"""The exit code that says that there is something to do (DESIGN 7)."""
SHOWN = 10
"""Lines of each list, unless -v is given."""


def plan(
    environment: options.EnvironmentName = None,
    *,
    ref: Annotated[
        str, typer.Option("--ref", metavar="REF", help="The revision: a branch, a tag or a commit.")
    ] = "HEAD",
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what a deployment would do on every host; exit code 3 if there is something to do, 0 if not."""
    from turnout.cli.running import run, target
    from turnout.events import Bus

    goal = target(options.Shared(environment, config))
    from turnout.planning.look import look

    bus = Bus("plan", goal.environment.name)
    if not (quiet or as_json):
        bus.listen(_note)
    found = run(look(goal.config, goal.environment, goal.reach, DeployOptions(ref), bus))
    if as_json:
        from turnout.cli.jsonlines import write

        write({"app": goal.config.app, "environment": goal.environment.name, **as_object(found)})
    elif not quiet:
        say(screen(goal.config.app, goal.environment.name, found, None if verbose else SHOWN))
    raise typer.Exit(exit_code(found))


def exit_code(found: Plan) -> int:
    """3: something to do, 0: nothing; 10 or 23 when a deployment would be refused."""
    if found.verdict in {"wait", "refuse"}:
        return GateRefused.exit_code
    if any(one.refused for one in found.hosts):
        return SurveyRefused.exit_code
    if any(one.breaking for one in found.hosts):
        return GateRefused.exit_code
    return 0 if found.verdict == "skip" else CHANGES


def as_object(found: Plan) -> dict[str, Any]:
    """The object of docs/json.md."""
    return {
        "ref": found.revision.ref,
        "revision": found.revision.commit,
        "subject": found.revision.subject,
        "decision": {"verdict": found.verdict, "reasons": found.reasons, "remedy": found.remedy},
        "hosts": [_host_object(one) for one in found.hosts],
    }


def _host_object(one: Outlook) -> dict[str, Any]:
    from turnout.steps.database import as_object

    return {
        "host": one.host,
        "running": one.running,
        "revision": one.revision,
        "release": None if one.unchanged else one.release,
        "unchanged": one.unchanged,
        "adoption": one.adoption,
        "findings": one.findings,
        "changes_unknown": one.unknown or None,
        "commits": one.commits,
        "files": [{"change": kind, "path": path} for kind, path in one.files],
        "dependencies": [
            {
                "name": package.name,
                "old": list(package.old),
                "new": list(package.new),
                "direct": package.direct,
                "dev": package.dev,
            }
            for package in one.packages
        ],
        "migrations": [_migration_object(migration) for migration in one.migrations],
        "migrations_known_by": one.known_by,
        "migrations_classed": [as_object(classed) for classed in one.classed],
        "dotenv_missing": one.keys_missing,
        "runtime": one.runtime,
        "bytes_to_send": one.bytes_sent,
        "bytes_of_contents": one.bytes_contents,
        "disk": one.disk,
        "seconds": one.seconds,
        "gap_seconds": one.gap_seconds,
        "rollback": {"release": one.running, "safe": one.back_is_safe} if one.running else None,
    }


def _migration_object(migration: Migration) -> dict[str, Any]:
    return {
        "name": migration.name,
        "sql": migration.sql,
        "only_adds": migration.only_adds,
        "effects": [
            {"what": str(one), "removes": one.removes, "locks": one.locks} for one in migration.effects
        ],
    }


def screen(app: str, environment: str, found: Plan, limit: int | None) -> Iterator[Line]:
    """The whole plan; lists end after `limit` lines."""
    yield "bold", f"{app} · {environment} · {found.revision.short} {found.revision.subject}"
    good = found.verdict in {"deploy", "skip"}
    yield "green" if good else "red", f"  {found.verdict}: {'; '.join(found.reasons)}"
    yield from (("", f"    do   {line}") for line in found.remedy)
    for one in found.hosts:
        yield "", ""
        yield from _host(one, limit)


def _host(one: Outlook, limit: int | None) -> Iterator[Line]:
    if one.unchanged:
        yield "green", f"✓ {one.host} · {one.running} is exactly this: nothing to do"
        return
    yield "bold", f"{one.host} · {one.running or 'nothing'} → {one.release}"
    if one.adoption:
        from turnout.cli.adopt import screen as adoption

        yield from adoption({**one.adoption, "host": "first, by `turnout host adopt`"}, indent="  ")
    for found in one.findings:
        if one.adoption and not found["fatal"]:  # the adoption told it
            continue
        yield (
            "red" if found["fatal"] else "yellow",
            f"  {'refused' if found['fatal'] else 'note'}  {found['why']}",
        )
        yield from (("", f"    do   {line}") for line in found["remedy"] if found["fatal"])
    if one.unknown:
        yield "dim", f"  changes       not known: {one.unknown}"
    yield from _list("commits", one.commits, limit)
    yield from _list("files", [f"{kind} {path}" for kind, path in one.files], limit)
    packages = [f"{package}{' (build only)' if package.dev else ''}" for package in one.packages]
    yield from _list("dependencies", packages, limit)
    yield from _migrations(one, limit)
    if one.keys_missing:
        yield "red", f"  dotenv        lacks {', '.join(one.keys_missing)}"
    yield from _goods(one)
    yield from _back(one)


def _list(name: str, lines: list[str], limit: int | None) -> Iterator[Line]:
    for at, line in enumerate(lines[:limit]):
        yield "", f"  {name if not at else '':<13} {line}"
    if limit is not None and len(lines) > limit:
        yield "dim", f"  {'':<13} … and {len(lines) - limit} more (-v shows all)"


def _migrations(one: Outlook, limit: int | None) -> Iterator[Line]:
    from turnout.migrations.classes import WORDS

    kinds = {classed.name: WORDS[classed.kind] for classed in one.classed}
    for at, migration in enumerate(one.migrations):
        style = "" if migration.only_adds else "yellow"
        kind = f" · {kinds[migration.name]}" if migration.name in kinds else ""
        yield style, f"  {'migrations' if not at else '':<13} {migration.name}{kind}"
        for effect in migration.effects:
            locks = f" · locks: {effect.locks}" if effect.locks else ""
            yield style, f"  {'':<15} {effect}{locks}"
        lines = migration.sql.strip().splitlines()
        for line in lines[:limit]:
            yield "dim", f"  {'':<15} | {line}"
        if limit is not None and len(lines) > limit:
            yield "dim", f"  {'':<15} | … and {len(lines) - limit} lines more (-v shows all)"
    if one.breaking:
        yield "red", f"  refused  {', '.join(each.name for each in one.breaking)}: what runs would break"
        yield (
            "",
            "    do   turnout deploy --allow-breaking, or -- turnout: contract in the file (docs/migrations.md)",
        )
    if one.migrations and one.known_by != "the journal":
        yield "dim", f"  {'':<13} ({one.known_by})"


def _goods(one: Outlook) -> Iterator[Line]:
    runtime = one.runtime
    node = f"Node {runtime['node']}, PM2 {runtime['pm2'] or '-'} on {runtime['platform']}"
    yield "", f"  runtime       {node}; dependencies {runtime['dependencies']}"
    yield "", f"  to send       {text.size(one.bytes_sent)} ({text.size(one.bytes_contents)} of contents)"
    if one.disk:
        left, total = text.size(one.disk["free_afterwards"]), text.size(one.disk["total"])
        yield "", f"  disk          {left} of {total} free afterwards"
    guess = f"about {text.took(one.seconds)}, as before" if one.seconds is not None else "not known yet"
    yield "", f"  time          {guess}"
    if one.gap_seconds:
        from turnout.steps.survey import gap

        yield "yellow", f"  gap           {gap(one.gap_seconds)}"


def _back(one: Outlook) -> Iterator[Line]:
    if not one.running:
        yield "", "  way back      none: it is the first release; one that cannot be proved is stopped"
    elif one.back_is_safe:
        yield "green", f"  way back      {one.running}, which works with all of this"
    else:
        yield from (
            (
                "yellow",
                f"  {'' if at else 'way back':<13} {'' if at else f'refused, {one.running} cannot live with '}{line}",
            )
            for at, line in enumerate(one.broken)
        )


def _note(event: Event) -> None:
    if event.type == "step.note":
        say([("dim", f"  {event.data.get('message')}")])
