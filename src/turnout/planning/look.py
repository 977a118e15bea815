"""Gathers what a deployment would do on each host. No lease is taken; a host gets nothing but Turnout's own program.

The build runs here, as in a deployment, which then takes its result: so bytes and migrations are those of the artifact.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from turnout.builder.cache import Cache
from turnout.config import example
from turnout.errors import GateRefused, PackageError, UsageError
from turnout.gate.verdict import decide
from turnout.hosts.faults import typed
from turnout.migrations.pending import known, pending
from turnout.planning import forecast, locks
from turnout.planning.outlook import Outlook, Plan
from turnout.runner import connect
from turnout.steps import adopt, build, checkout, database, evidence, toolchain
from turnout.steps import connect as connecting
from turnout.steps.ahead import layer_of
from turnout.steps.checks import same_as_promised
from turnout.steps.gate import said
from turnout.steps.parcel import Part, lacking, parts
from turnout.steps.send import contents
from turnout.steps.unchanged import same
from turnout.steps.work import Target, Work

if TYPE_CHECKING:
    from turnout.config.schema import Config, Environment
    from turnout.config.surroundings import Reach
    from turnout.events import Bus
    from turnout.model import DeployOptions


async def look(
    config: Config, environment: Environment, reach: Reach, options: DeployOptions, bus: Bus
) -> Plan:
    """Find out all of it. Raises what a deployment would raise before it reaches `upload`."""
    async with AsyncExitStack() as stack:
        work = Work(
            config,
            environment,
            reach,
            bus,
            Cache(),
            partial(connect, environment, reach),
            stack,
            "plan",
            options,
        )
        branch = await evidence.revision(work)
        await connecting.look(work)
        assert work.revision
        decision = decide(await evidence.gather(work, branch))
        verdict, reasons = str(decision.word), decision.reasons or [said(work, decision, branch)]
        remedy = list(decision.remedy)
        if verdict == "skip":  # a deployment ends here, too
            nothing = [_outlook(host, unchanged=True) for host in work.targets]
            return Plan(work.revision, verdict, reasons, remedy, nothing)
        await checkout.checkout(work)
        await toolchain.toolchain(work)
        work.note("building, as a deployment would", "build")
        await build.really(
            work
        )  # neither checks, which take their time, nor a host's store, which takes a lease
        try:
            same_as_promised(work)
        except GateRefused as error:
            verdict, reasons, remedy = "refuse", [error.message, *error.why], error.remedy
        for target in work.targets:
            await layer_of(work, target)
        hosts = [await _host(work, target) for target in work.targets]
        if verdict == "deploy" and all(one.unchanged for one in hosts):
            verdict, reasons = "skip", ["every host serves exactly this, and well"]
        return Plan(work.revision, verdict, reasons, remedy, hosts)


async def _host(work: Work, host: Target) -> Outlook:
    seen = _outlook(host)
    await _survey(work, host, seen)
    await _changes(work, seen)
    await _migrations(work, host, seen)
    seen.runtime = _runtime(work, host)
    await _goods(work, host, seen)
    seen.unchanged = not seen.adoption and await same(work, host)
    return seen


def _outlook(host: Target, *, unchanged: bool = False) -> Outlook:
    record = host.record(host.running)
    return Outlook(host.name, f"v{host.state['next']}", host.running, record.get("revision"), unchanged)


async def _survey(work: Work, host: Target, seen: Outlook) -> None:
    """Findings and dotenv; on a host of the old workflow, what adopting it would do instead."""
    names = example.keys(work.source)
    adoption = await host.client.call("adoption", **await adopt.asked(work.config, work.environment))
    if adoption["needed"]:
        seen.adoption, host.dotenv = adoption, adoption["dotenv"]
        seen.release = f"v{int(str(adoption['release'])[1:]) + 1}"
        seen.running = str(adoption["release"])
        findings = adoption["findings"]
    else:
        answer = await host.client.call(
            "survey",
            release_keys=names,
            shared=list(work.config.release.shared),
            **work.settings,
            port_env=work.config.health.port_env,
            toolchain={"node_version": work.runs.node, "pm2_version": host.pm2},
            accept_drift=work.deploy.accept_drift,
            restart_pm2=work.deploy.restart_pm2,
        )
        findings, host.dotenv, seen.gap_seconds = answer["findings"], answer["dotenv"], answer["gap_seconds"]
        if host.state.get("open"):  # between two releases: that is the switch, and no hand's work
            findings = [found for found in findings if found["what"] != "current"]
    keys = list(host.dotenv.get("keys") or [])
    seen.keys_missing = [name for name in names if name not in keys]
    for found in findings:
        found["remedy"] = [typed(line, host.address) for line in found["remedy"]]
    seen.findings = [*findings, *_under_way(host)]


def _under_way(host: Target) -> list[dict[str, Any]]:
    """Somebody is at work there, or was: what is planned now may be otherwise in a moment."""
    holder, left = host.state.get("lease"), host.state.get("open")
    if holder:
        until = "would wait for it" if holder.get("orphan") else "is refused until it ends"
        why = f"{holder.get('by')} is at work here ({holder.get('work')}): a deployment {until}"
    elif left:
        why = f"the switch to {left['release']} was left open: a deployment ends it first"
    else:
        return []
    return [{"what": "lease", "where": host.name, "why": why, "remedy": [], "fatal": False}]


async def _changes(work: Work, seen: Outlook) -> None:
    """Commits, files and packages since what runs there; nothing where its revision is not known here."""
    assert work.repository
    assert work.revision
    source, old = work.config.source, str(seen.revision or "")
    if not old:
        seen.unknown = f"{seen.running} was adopted, and its revision is not known" if seen.running else ""
        return
    try:
        await work.repository.resolve(old, source)
    except UsageError:
        seen.unknown = f"{old[:10]}, which runs there, is not in this clone"
        return
    seen.commits = await work.repository.changes(old, work.revision.commit, source)
    seen.files = await work.repository.files(old, work.revision.commit, source)
    if any(name == "package-lock.json" for _, name in seen.files):
        path = "package-lock.json" if source == "." else f"{source}/package-lock.json"
        before, after = [await work.repository.text(commit, path) for commit in (old, work.revision.commit)]
        seen.packages = locks.changes(before, after)


async def _migrations(work: Work, host: Target, seen: Outlook) -> None:
    """Those that neither the journal nor the database itself knows to be in, and what they do to what runs."""
    proved = known(host.record(host.state.get("serving")), host.dotenv.get("digest"))
    seen.known_by = "the journal"
    if proved is None:
        seen.known_by = "the journal knows of none: Prisma applies those that the database lacks"
    seen.migrations = pending(work.artifact.folder, proved)
    if not seen.migrations or host is not work.targets[0]:
        return
    answer = await database.ask(work, host, "migrate")
    if answer["asked"]:
        seen.migrations = [one for one in seen.migrations if one.name not in answer["applied"]]
        seen.known_by = "the journal" if proved is not None else "the database"
    if fault := answer["fault"]:
        remedy = [typed(line, host.address) for line in fault["remedy"]]
        why = "; ".join([fault["message"], *(fault.get("why") or [])])
        found = {"what": "database", "where": "the database", "why": why, "remedy": remedy, "fatal": True}
        seen.findings.append(found)
    seen.classed = await database.classes(work, seen.migrations)


def _runtime(work: Work, host: Target) -> dict[str, Any]:
    daemon = host.facts.get("daemon") or {}
    return {
        "node": work.runs.node,
        "node_there": daemon.get("node") or (host.facts.get("node") or {}).get("version"),
        "pm2": host.pm2,
        "platform": host.platform,
        "dependencies": _dependencies(work, host),
    }


def _dependencies(work: Work, host: Target) -> str:
    """`there`, `shipped` or `made there`."""
    key = host.layers.get("dependencies")
    if not host.lacks(key):
        return "there"
    return "shipped" if key in work.layers else "made there"


async def _goods(work: Work, host: Target, seen: Outlook) -> None:
    """Bytes to send over a fast link: what is missing is compressed for it. And what the disk will have left."""
    try:
        answer, chosen, offered = await _asked(work, host, whole=False)
    except PackageError:  # a manifest is not there any more, or hurt
        answer, chosen, offered = await _asked(work, host, whole=True)
    names = await asyncio.to_thread(lacking, chosen, answer)
    pieces = await asyncio.to_thread(
        lambda: sum(len(piece) for piece in contents(host, chosen, names, answer)) if names else 0
    )
    seen.bytes_contents = int(answer["bytes"])
    seen.bytes_sent = pieces + offered
    entries = sum(1 for part in chosen for entry in part.tree.manifest.entries if entry.kind != "f")
    free = int(answer["disk"]["free"])
    seen.disk = {
        "free": free,
        "free_afterwards": forecast.disk_afterwards(free, seen.bytes_contents, entries, len(names)),
        "total": int(answer["disk"]["total"]),
    }
    seen.seconds = forecast.seconds(answer["deployments"])


async def _asked(work: Work, host: Target, whole: bool) -> tuple[dict[str, Any], list[Part], int]:
    """What is lacking of which trees, and the bytes of their manifests."""
    chosen = parts(work, host, whole)
    offers = await asyncio.to_thread(lambda: [part.offer() for part in chosen])
    answer = await host.client.call("outlook", manifests=offers)
    return answer, chosen, sum(len(str(offer.get("packed") or offer["patch"])) for offer in offers)
