"""Calls around a deployment: its lease, the migrations, its end."""

from __future__ import annotations

import contextlib
from collections import deque
from pathlib import Path
from typing import Deque, Dict, List, Optional, Set

from turnout_host import dotenv, recovery, releases, survey
from turnout_host.calls import databases
from turnout_host.calls.common import Answer, record_of, toolchain_of
from turnout_host.databases.look import look
from turnout_host.errors import MigrationError, UsageError
from turnout_host.host import Args, Host, Say
from turnout_host.migrations import prisma
from turnout_host.state import Record

KEPT = 2000
"""Lines about migrations that are kept; an app has fewer of them."""


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
    more = {
        key: args.values[key]
        for key in ("command", "revision", "subject", "urgent", "reason")
        if key in args.values
    }
    if deployment not in host.journal.state.deployments:  # the same one may come again, over a new link
        host.journal.append("deployment.started", deployment, by=by, **more)
    return {"token": token, "recovered": recovered}


def call_migrate(host: Host, args: Args, say: Say) -> Answer:
    """Run the migrations, unless the journal proves that all of them are in."""
    record = record_of(host, args)
    name, folder = str(record["release"]), host.layout.release(str(record["release"]))
    new = proved(host, record)
    if not new:
        return {"ran": False, "applied": [], "seconds": 0.0}
    because = {"because": args.table("because")} if args.table("because") else {}
    host.journal.append("migration.started", host.deployment, release=name, pending=new, **because)
    dirs = [str(folder / "node_modules/.bin"), *toolchain_of(host, record["toolchain"]).dirs]
    lines: Deque[str] = deque(maxlen=KEPT)

    def hear(line: str) -> None:
        if prisma.telling(line):
            lines.append(line)
        say({"kind": "output", "line": line})

    try:
        seconds = prisma.migrate(host.layout, folder, args.texts("commands"), dirs, hear)
    except Exception as error:
        earlier = _in_already(list(host.journal.state.releases.values()), record)
        applied = _told(error, list(lines), [one for one in new if one not in earlier])
        _name_holder(error, folder, args.texts("keys"))
        about = {"release": name, "pending": new, "applied": applied, "reason": str(error)}
        with contextlib.suppress(OSError):  # where the disk is full, why it failed tells more
            host.journal.append("migration.failed", host.deployment, **about)
        raise
    applied = prisma.applied(list(lines), new)
    host.journal.append("migration.finished", host.deployment, release=name, applied=applied)
    return {"ran": True, "applied": applied, "seconds": seconds}


def _told(error: Exception, lines: List[str], pending: List[str]) -> List[str]:
    """The migrations that went in all the same; the error names them, too."""
    if not isinstance(error, MigrationError):
        return prisma.went_in(lines, pending, None)
    found = prisma.went_in(lines, pending, error.detail.get("migration"))
    error.detail["applied"] = found
    if found:
        error.message += f"; {', '.join(found)} before it went in"
        error.args = (error.message,)
    return found


def _name_holder(error: Exception, folder: Path, keys: List[str]) -> None:
    """Prisma waited for its lock in vain: say who holds it, and what to type."""
    if not isinstance(error, MigrationError) or not prisma.timed_out(error.detail.get("tail") or []):
        return
    lock = look(dotenv.parse((folder / ".env").read_text("utf-8", "replace")), keys)["lock"]
    if lock:
        error.message += f"; {databases.told(lock)} holds it"
        error.args, error.detail["remedy"] = (error.message,), prisma.locked(lock["pid"])


def _in_already(records: List[Record], record: Record) -> Set[str]:
    """Migrations that another release brought in, one that failed later, too, if it used the same database."""
    same = [one for one in records if one.get("migrated") == "finished" and _one_database(one, record)]
    return {name for one in same for name in one["migrations"]}


def _one_database(one: Record, other: Record) -> bool:
    return bool(one["dotenv"]["base_digest"] == other["dotenv"]["base_digest"])


def pending(host: Host, record: Record) -> List[str]:
    """The migrations that would be run for a release: those that the journal does not prove to be in."""
    state = host.journal.state
    serving = state.releases.get(state.serving or "")
    return prisma.pending_by_journal(record["migrations"], _applied(serving, record))


def proved(host: Host, record: Record) -> List[str]:
    """As `pending`; where there are none, it is written down that all of the release's own are in.

    After a restore the journal proves nothing, so what that left open stays open.
    """
    new = pending(host, record)
    if record["migrations"] and not new:
        host.journal.append("migration.finished", host.deployment, release=record["release"], applied=[])
    return new


def _applied(serving: Optional[Record], record: Record) -> Optional[Dict[str, str]]:
    """The migrations that the serving release proved to be in, if it uses the same dotenv (so the same database)."""
    if not serving or serving.get("migrated") != "finished":
        return None
    if not _one_database(serving, record):
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
    figures: Record = {"steps": steps} if steps else {}
    if args.values.get("seconds") is not None:
        figures["seconds"] = args.number("seconds")
    if args.values.get("bytes_sent") is not None:
        figures["bytes_sent"] = int(args.number("bytes_sent"))
    return figures
