"""Not a step: before anything is sent, what the database says, and what the pending migrations do to what runs.

The files are in the tree, so it is known before the build has ended. Migrations run once, on the first host.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnout.errors import GateRefused, MigrationFailed
from turnout.hosts.faults import typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnout.migrations.classes import Classed
    from turnout.migrations.pending import Migration
    from turnout.steps.work import Target, Work

_URL = re.compile(r'^\s*(directUrl|url)\s*=\s*env\(\s*"([A-Za-z0-9_]+)"\s*\)', re.MULTILINE)
_ADAPTER = re.compile(r"""\bengine\s*:\s*["']js["']""")


async def look(work: Work, host: Target) -> list[str]:
    """Sentences for people. Raises MigrationFailed where none could run, GateRefused where one breaks what runs."""
    from turnout.migrations.pending import known, pending

    if host is not work.targets[0] or not work.config.migrate.commands:
        return []
    found = pending(work.source, known(host.record(host.state.get("serving")), host.dotenv.get("digest")))
    if not found:
        return []
    answer = await ask(work, host, "survey")
    if answer["fault"]:
        raise _fault(work, host, answer["fault"])
    classed = await classes(work, [one for one in found if one.name not in answer["applied"]])
    work.bus.emit(
        "migrations.pending",
        step="survey",
        host=host.name,
        asked=answer["asked"],
        migrations=[as_object(one) for one in classed],
    )
    _obey(work, host, classed)
    for one in classed:
        work.note(str(one), "survey", host)
    return [*_unasked(answer), *(str(one) for one in classed if one.kind not in ("adds", "breaks"))]


async def ask(work: Work, host: Target, step: str) -> dict[str, Any]:
    """What the database itself says (`database` of docs/protocol.md)."""
    source = work.source
    listen = work.listen(step, host)
    return await host.client.call("database", on_event=listen, keys=keys(source), adapter=adapter(source))


async def classes(work: Work, found: Sequence[Migration]) -> list[Classed]:
    """Class them for the release that runs; where none does, nothing can break."""
    from turnout.migrations.classes import classify
    from turnout.migrations.effects import dialect_of
    from turnout.migrations.pending import before, provider

    if not found:
        return []
    runs = next((target for target in work.targets if target.record(target.running)), None)
    schema = (await runs.client.call("since", release=runs.running))["schema"] if runs else ""
    earlier = before(work.source, found[0].name)
    code = runs.running if runs else None
    return classify(found, earlier, schema, dialect_of(provider(work.source)), code)


def as_object(one: Classed) -> dict[str, Any]:
    """A classed migration for programs (docs/json.md)."""
    return {
        "name": one.name,
        "class": one.kind,
        "breaks": list(one.breaks),
        "locks": list(one.locks),
        "unread": list(one.unread),
        "contract": one.contract,
    }


def keys(tree: Path) -> list[str]:
    """The dotenv's keys that may hold the address which `prisma migrate` uses, best first."""
    text = "\n".join(
        file.read_text("utf-8", "replace")
        for file in [tree / "schema.prisma", *sorted((tree / "prisma").rglob("*.prisma"))]
        if file.is_file()
    )
    found = sorted(_URL.findall(text))  # directUrl comes first
    return list(dict.fromkeys([*(key for _, key in found), "DATABASE_URL"]))


def adapter(tree: Path) -> bool:
    """Does Prisma run without its native engine, so that `migrate resolve` cannot be used (FACTS)?"""
    files = (file for file in tree.glob("prisma.config.*") if file.is_file())
    return any(_ADAPTER.search(file.read_text("utf-8", "replace")) for file in files)


def _obey(work: Work, host: Target, classed: list[Classed]) -> None:
    breaking = [one for one in classed if one.breaks]
    refused = [one for one in breaking if not (one.contract or work.deploy.allow_breaking)]
    if refused:
        raise _refusal(work, host, refused)
    if breaking:
        by_file = all(one.contract for one in breaking)
        how = "-- turnout: contract" if by_file else "--allow-breaking"
        over = [f"{one.name}: {why}" for one in breaking for why in one.breaks]
        host.allowed = {"allowed": how, "by": work.by, "over": over}
        work.notes += [f"{how} lets pass: {one}" for one in over]


def _refusal(work: Work, host: Target, refused: list[Classed]) -> GateRefused:
    names, first = ", ".join(one.name for one in refused), refused[0].name
    many = "break" if len(refused) > 1 else "breaks"
    runs = host.running or "the release that runs"
    return GateRefused(
        f"{names} {many} {runs}, which serves until the switch, and again after a revert",
        why=[f"{one.name}: {why}" for one in refused for why in one.breaks],
        remedy=[
            "first deploy code that does without what goes, then the migration (docs/migrations.md)",
            f"or, if errors meanwhile are accepted: {work.typed} --allow-breaking",
            f"or say so in prisma/migrations/{first}/migration.sql, in a line: -- turnout: contract",
        ],
    )


def _fault(work: Work, host: Target, fault: dict[str, Any]) -> MigrationFailed:
    remedy = [typed(line, host.address) for line in fault["remedy"]]
    return MigrationFailed(
        fault["message"], why=fault.get("why") or [], remedy=[*remedy, f"then: {work.typed}"]
    )


def _unasked(answer: dict[str, Any]) -> list[str]:
    """What Turnout could not see for itself."""
    told = []
    if not answer["asked"]:
        told.append(f"the database could not be asked beforehand ({answer['why']}): Prisma itself will tell")
    elif answer["exists"] is False:
        told.append(f"the database that {answer['key']} names does not exist yet")
    if answer["interrupted"]:
        old = answer["interrupted"]
        names = ", ".join(old["pending"] or [])
        told.append(f"the migrations of {old['release']} were begun and never ended ({names})")
    return told
