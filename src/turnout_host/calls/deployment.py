"""Calls around a deployment: its lease, the user's backup, the migrations, its end."""

from __future__ import annotations

import time
from typing import Dict, List, Optional

from turnout_host import apps, children, hiding, recovery, releases, survey
from turnout_host.calls.common import Answer, record_of, toolchain_of
from turnout_host.errors import SurveyError, UsageError
from turnout_host.host import Args, Host, Say
from turnout_host.migrations import prisma
from turnout_host.state import Record


def call_acquire(host: Host, args: Args, say: Say) -> Answer:
    """Take the lease, end what a dead run left, begin the deployment."""
    deployment, by = args.text("deployment"), args.text("by")
    who = {"deployment": deployment, "by": by, "work": args.optional("work") or "deploy"}
    newest = lambda: (host.journal.refresh(), host.journal.state.token)[1]  # noqa: E731 - read at the moment of taking
    token = host.lease.acquire(
        newest, who, args.number("wait", 600), lambda holder: say({"kind": "waiting", "holder": holder})
    )
    recovered = recovery.on_contact(host.layout, host.journal, host.lease, say)
    host.deployment = deployment
    more = {key: args.values[key] for key in ("command", "revision", "subject") if key in args.values}
    host.journal.append("deployment.started", deployment, by=by, **more)
    return {"token": token, "recovered": recovered}


def call_backup(host: Host, args: Args, say: Say) -> Answer:
    """Run the user's database backup, as written."""
    folder, began = host.layout.release(args.text("release")), time.monotonic()
    toolchain = toolchain_of(host, record_of(host, args)["toolchain"])
    argv = ["/bin/sh", "-c", args.text("command")]
    values = apps.values_of(folder)
    hidden = hiding.secrets(values)
    output = lambda line: say({"kind": "output", "line": hiding.hide(line, hidden)})  # noqa: E731
    ended = children.run(argv, folder, toolchain.env(), output)
    if ended.status:
        why = f"the database backup failed with status {ended.status}: nothing was migrated"
        raise hiding.conceal(SurveyError(why, tail=ended.tail), values)
    return {"seconds": time.monotonic() - began}


def call_migrate(host: Host, args: Args, say: Say) -> Answer:
    """Run the migrations, unless the journal proves that all of them are in."""
    record, state = record_of(host, args), host.journal.state
    name, folder = str(record["release"]), host.layout.release(str(record["release"]))
    pending = prisma.pending_by_journal(
        record["migrations"], _applied(state.releases.get(state.serving or ""), record)
    )
    if not pending:
        host.journal.append("migration.finished", host.deployment, release=name, applied=[])
        return {"ran": False, "applied": [], "seconds": 0.0}
    host.journal.append("migration.started", host.deployment, release=name, pending=pending)
    dirs = [str(folder / "node_modules/.bin"), *toolchain_of(host, record["toolchain"]).dirs]
    lines: List[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        say({"kind": "output", "line": line})

    try:
        seconds = prisma.migrate(host.layout, folder, args.texts("commands"), dirs, hear)
    except Exception as error:
        host.journal.append(
            "migration.failed", host.deployment, release=name, pending=pending, reason=str(error)
        )
        raise
    applied = prisma.applied(lines, pending)
    host.journal.append("migration.finished", host.deployment, release=name, applied=applied)
    return {"ran": True, "applied": applied, "seconds": seconds}


def _applied(serving: Optional[Record], record: Record) -> Optional[Dict[str, str]]:
    """The migrations that the serving release proved to be in, if it uses the same dotenv (so the same database)."""
    if not serving or serving.get("migrated") != "finished":
        return None
    if serving["dotenv"]["base_digest"] != record["dotenv"]["base_digest"]:
        return None
    found = serving["migrations"]
    return dict(found) if isinstance(found, dict) else None


def call_finish(host: Host, args: Args, say: Say) -> Answer:
    """Write down how the deployment ended; a release of it that never was active goes."""
    deployment, reason = args.text("deployment"), args.optional("reason")
    host.journal.refresh()
    under_way = (host.journal.state.open or {}).get("release")
    for name in host.journal.state.unfinished():
        if name != under_way:
            host.journal.append("release.failed", deployment, release=name, reason=reason)
    for name in releases.names(host.layout):
        record = host.journal.state.releases.get(name) or {}
        if (
            record.get("state") in ("failed", "reverted")
            and name != under_way
            and name != survey.running(host.layout)
        ):
            releases.remove(host.layout, name)
    host.journal.append(
        "deployment.finished",
        deployment,
        result=args.text("result"),
        exit_code=int(args.number("exit_code")),
        step=args.optional("step"),
        reason=reason,
        **_figures(args),
    )
    return {}


def _figures(args: Args) -> Record:
    """What the deployer measured: seconds in all and of each step, bytes sent to this host; none from an older one."""
    steps = args.table("steps")
    if not all(isinstance(took, (int, float)) for took in steps.values()):
        raise UsageError("steps must be seconds by step")
    figures = {key: args.number(key) for key in ("seconds", "bytes_sent") if args.values.get(key) is not None}
    return dict(figures, steps=steps) if steps else figures
