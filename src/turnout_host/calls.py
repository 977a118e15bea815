"""The calls of docs/protocol.md, a function each: checks its arguments, does its part, says what happened."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, Optional

from turnout_host import (
    apps,
    children,
    dotenv,
    facts,
    layers,
    manifest,
    people,
    recovery,
    rehearsal,
    releases,
    status,
    survey,
    switch,
)
from turnout_host.errors import StoreError, SurveyError, UsageError
from turnout_host.host import Args, Host, Say
from turnout_host.lease import public
from turnout_host.migrations import prisma
from turnout_host.notes import Notes
from turnout_host.protocol import LIMIT
from turnout_host.pointsman import PAUSE, Pointsman
from turnout_host.prune import prune
from turnout_host.state import Record
from turnout_host.toolchain import Toolchain

Answer = Dict[str, Any]
SCRATCH = ("node_modules/.cache",)
"""Where tools keep scratch files inside a layer when root runs them (jiti does, for prisma.config.ts)."""


def call_facts(host: Host, args: Args, say: Say) -> Answer:
    """What this host is and has."""
    return facts.facts(host.layout)


def call_state(host: Host, args: Args, say: Say) -> Answer:
    """What the journal and `current` say."""
    host.journal.refresh()
    state, holder = host.journal.state, host.lease.holder() if host.lease.descriptor < 0 else None
    folder = switch.target(host.layout)
    return {
        "current": str(folder) if folder else None,
        "current_kind": switch.kind(host.layout),
        "running": survey.running(host.layout),
        "serving": state.serving,
        "releases": state.by_number(),
        "next": _next(host),
        "open": state.open,
        "lease": public(holder) if holder else None,
        "layers": layers.keys(host.layout),
    }


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


def call_survey(host: Host, args: Args, say: Say) -> Answer:
    """Findings, the dotenv, what runs."""
    return survey.Survey(host.layout, host.journal.state, host.store, args.values).look()


def call_lacks(host: Host, args: Args, say: Say) -> Answer:
    """Keep the manifests; which contents are missing, and is there room for them and for the trees?"""
    wanted: Dict[str, int] = {}
    entries = 0
    for item in args.values.get("manifests") or []:
        part = Args(item)
        host.store.keep_manifest(part.text("packed", LIMIT), part.digest("digest"))
        listed = host.store.manifest(part.digest("digest"))
        wanted.update(manifest.blobs(listed))
        entries += len(listed)
    lacking = host.store.lacking(list(wanted))
    size = sum(wanted[name] for name in lacking)
    files = len(lacking) + entries
    survey.space(host.store, size, files)
    return {"lacking": lacking, "bytes": size, "inodes": files, "disk": host.store.disk()}


def call_upload(host: Host, args: Args, say: Say) -> Answer:
    """Take the contents in; what arrived whole stays, whatever happens then."""
    stored, size = host.store.receive(args.values["chunks"], args.text("compression"))
    return {"stored": stored, "bytes": size}


def call_lay_layer(host: Host, args: Args, say: Say) -> Answer:
    """Make a shipped layer from the store, once."""
    key, digest = args.text("key"), args.digest("manifest")
    if layers.exists(host.layout, key):
        return {"made": False}
    layers.lay(host.layout, host.store, key, host.store.manifest(digest))
    host.journal.append("layer.made", host.deployment, key=key, manifest=digest)
    return {"made": True}


def call_make_layer(host: Host, args: Args, say: Say) -> Answer:
    """Make the dependency layer here, by the user's commands, once."""
    key = args.text("key")
    if layers.exists(host.layout, key):
        return {"made": False, "seconds": 0.0}
    toolchain = _toolchain(host, args.table("toolchain"))
    folder = host.layout.release(args.text("release"))
    output = lambda line: say({"kind": "output", "line": line})  # noqa: E731
    seconds = layers.make(
        host.layout, key, folder, args.texts("commands"), args.texts("inputs"), toolchain.dirs, output
    )
    host.journal.append("layer.made", host.deployment, key=key, manifest=None)
    return {"made": True, "seconds": seconds}


def call_stage(host: Host, args: Args, say: Say) -> Answer:
    """Lay the release out beside the running one."""
    name, digest, shared = f"v{_next(host)}", args.digest("manifest"), args.texts("shared")
    releases.stage(host.layout, host.store, name, host.store.manifest(digest), shared)
    host.journal.append(
        "release.staged",
        args.text("deployment"),
        release=name,
        manifest=digest,
        artifact=args.digest("artifact"),
        revision=args.text("revision"),
        subject=args.optional("subject"),
        by=args.text("by"),
        shared=shared,
    )
    return {"release": name}


def call_dotenv(host: Host, args: Args, say: Say) -> Answer:
    """Give the release its own copy of the environment's .env."""
    record = _record(host, args)
    name = str(record["release"])
    choice = dotenv.choose(host.layout, survey.recorded(host.journal.state, survey.running(host.layout)))
    release_id = f"{name}-{record['artifact'][:12]}"
    dotenv.write(host.layout, name, choice.base, release_id)
    keys = sorted(dotenv.parse(choice.base.decode("utf-8", "replace")))
    digest = dotenv.digest(choice.base)
    found = {"base_digest": digest, "keys": keys, "taken_over": choice.taken_over}
    host.journal.append(
        "release.prepared", host.deployment, release=name, release_id=release_id, dotenv=found
    )
    return {"digest": digest, "keys": keys, "taken_over": choice.taken_over}


def call_install(host: Host, args: Args, say: Say) -> Answer:
    """Link the dependency layer and write down with what the release runs."""
    record, wanted = _record(host, args), args.table("layers")
    name, key = str(record["release"]), wanted.get("dependencies")
    if key:
        releases.install(host.layout, name, str(key))
    releases.seal(host.layout, name)
    shell = facts.shell_env()
    runs = {
        "node": wanted.get("node"),
        "pm2": wanted.get("pm2"),
        "path": shell.get("PATH", ""),
        "pm2_home": shell.get("PM2_HOME") or os.path.join(os.path.expanduser("~"), ".pm2"),
    }
    people.link(host.layout, runs["node"], runs["pm2"], runs["path"])
    host.journal.append(
        "release.prepared",
        host.deployment,
        release=name,
        dependencies=key,
        toolchain=runs,
        processes=args.table("processes"),
        health=args.table("health"),
        migrations=releases.migrations(host.layout.release(name)),
    )
    return {}


def call_backup(host: Host, args: Args, say: Say) -> Answer:
    """Run the user's database backup, as written."""
    folder, began = host.layout.release(args.text("release")), time.monotonic()
    toolchain = _toolchain(host, _record(host, args)["toolchain"])
    argv = ["/bin/sh", "-c", args.text("command")]
    ended = children.run(argv, folder, toolchain.env(), lambda line: say({"kind": "output", "line": line}))
    if ended.status:
        raise SurveyError(
            f"the database backup failed with status {ended.status}: nothing was migrated", tail=ended.tail
        )
    return {"seconds": time.monotonic() - began}


def call_migrate(host: Host, args: Args, say: Say) -> Answer:
    """Run the migrations, unless the journal proves that all of them are in."""
    record, state = _record(host, args), host.journal.state
    name, folder = str(record["release"]), host.layout.release(str(record["release"]))
    pending = prisma.pending_by_journal(
        record["migrations"], _applied(state.releases.get(state.serving or ""), record)
    )
    if not pending:
        host.journal.append("migration.finished", host.deployment, release=name, applied=[])
        return {"ran": False, "applied": [], "seconds": 0.0}
    host.journal.append("migration.started", host.deployment, release=name, pending=pending)
    dirs = [str(folder / "node_modules/.bin"), *_toolchain(host, record["toolchain"]).dirs]
    try:
        seconds = prisma.migrate(
            host.layout,
            folder,
            args.texts("commands"),
            dirs,
            lambda line: say({"kind": "output", "line": line}),
        )
    except Exception as error:
        host.journal.append(
            "migration.failed", host.deployment, release=name, pending=pending, reason=str(error)
        )
        raise
    host.journal.append("migration.finished", host.deployment, release=name, applied=pending)
    return {"ran": True, "applied": pending, "seconds": seconds}


def _applied(serving: Optional[Record], record: Record) -> Optional[Dict[str, str]]:
    """The migrations that the serving release proved to be in, if it uses the same dotenv (so the same database)."""
    if not serving or serving.get("migrated") != "finished":
        return None
    if serving["dotenv"]["base_digest"] != record["dotenv"]["base_digest"]:
        return None
    found = serving["migrations"]
    return dict(found) if isinstance(found, dict) else None


def call_rehearse(host: Host, args: Args, say: Say) -> Answer:
    """Boot the release on a spare port and probe it there."""
    name = str(_record(host, args)["release"])
    found = _facts(host, args, name)
    note = lambda text: say({"kind": "note", "text": text})  # noqa: E731
    values = apps.values_of(found.folder)
    result = rehearsal.rehearse(
        host.layout, name, found.names[1], found.toolchain, found.settings, found.health, values, note
    )
    if host.journal.state.releases[name]["state"] == "staged":
        host.journal.append(
            "release.rehearsed", host.deployment, release=name, boot_seconds=result["boot_seconds"]
        )
    return dict(result)


def call_activate(host: Host, args: Args, say: Say) -> Answer:
    """Ask the pointsman to switch; from here on the host ends the job by itself."""
    record, state = _record(host, args), host.journal.state
    name, kind = str(record["release"]), args.text("kind")
    if kind == "rollback":
        _whole(host, record)
    _facts(host, args, name)
    previous = survey.running(host.layout)
    if previous is not None and not survey.known(state, previous):
        raise SurveyError(
            f"`current` leads to {previous}, which was never blessed", where=str(host.layout.current)
        )
    Notes(host.layout, args.text("deployment")).clear()
    entry = host.journal.append(
        "activation.asked",
        args.text("deployment"),
        release=name,
        kind=kind,
        by=args.text("by"),
        previous=previous,
        backup=switch.backup_name(host.layout) if previous else None,
        processes=args.table("processes"),
        health=args.table("health"),
        boot_seconds=args.number("boot_seconds"),
        restart_pm2=args.flag("restart_pm2"),
    )
    host.pointsman = Pointsman(host.layout, host.lease)
    return {"after": entry["seq"], "previous": previous}


def call_watch(host: Host, args: Args, say: Say) -> Answer:
    """Read along with the pointsman until one of `until`, or the end."""
    deployment, until = args.text("deployment"), {*args.texts("until"), "activation.ended"}
    notes = host.notes = host.notes or Notes(host.layout, deployment)
    after = int(args.number("after"))
    while True:
        working = host.pointsman is None or host.pointsman.look()
        for text in notes.read():
            say({"kind": "note", "text": text})
        for entry in host.journal.since(after, deployment):
            after = entry["seq"]
            say({"kind": "entry", "entry": entry})
            if entry["type"] in until:
                return {"entry": entry, "after": after}
        if not working:
            raise UsageError("the pointsman is gone and could not be started again")
        time.sleep(PAUSE)


def call_prune(host: Host, args: Args, say: Say) -> Answer:
    """Remove what no longer needs to be kept."""
    return prune(host.layout, host.journal, host.store, int(args.number("keep", 5)))


def call_finish(host: Host, args: Args, say: Say) -> Answer:
    """Write down how the deployment ended; a release of it that never was active goes."""
    deployment, reason = args.text("deployment"), args.optional("reason")
    for name in host.journal.state.unfinished():
        releases.remove(host.layout, name)
        host.journal.append("release.failed", deployment, release=name, reason=reason)
    for name, record in host.journal.state.releases.items():
        if record["state"] == "reverted" and name != survey.running(host.layout):
            releases.remove(host.layout, name)
    host.journal.append(
        "deployment.finished",
        deployment,
        result=args.text("result"),
        exit_code=int(args.number("exit_code")),
        step=args.optional("step"),
        reason=reason,
    )
    return {}


def call_status(host: Host, args: Args, say: Say) -> Answer:
    """One look at everything; ends a job that was left open, if nobody is at it."""
    recover_if_free(host, say)
    return status.status(host.layout, host.journal.state, _newer(args))


def call_health(host: Host, args: Args, say: Say) -> Answer:
    """The quick part of it."""
    recover_if_free(host, say)
    return status.health(host.layout, host.journal.state, _newer(args))


def _newer(args: Args) -> Record:
    return {key: args.values.get(key) for key in ("processes", "health")}


def recover_if_free(host: Host, say: Say) -> None:
    """A look is a contact too: an open activation with nobody at it is ended now (DESIGN 6)."""
    host.journal.refresh()
    if host.journal.state.open is None or host.lease.descriptor >= 0 or host.lease.holder() is not None:
        return
    who = {"deployment": "recovery", "by": "a look at the status", "work": "ending an open activation"}
    host.lease.acquire(lambda: host.journal.state.token, who, 0.0, lambda holder: None)
    try:
        recovery.on_contact(host.layout, host.journal, host.lease, say)
    finally:
        host.lease.release()


def _next(host: Host) -> int:
    there = [int(name[1:]) for name in releases.names(host.layout)]
    return max([host.journal.state.newest, *there]) + 1


def _record(host: Host, args: Args) -> Record:
    name = args.text("release")
    host.journal.refresh()
    record = host.journal.state.releases.get(name)
    if record is None:
        raise UsageError(f"there is no release {name}")
    return record


def _facts(host: Host, args: Args, name: str) -> apps.Facts:
    return apps.facts(host.layout, host.journal.state, name, dict(_newer(args), release=name))


def _toolchain(host: Host, keys: Dict[str, Any]) -> Toolchain:
    return Toolchain(host.layout, keys.get("node"), keys.get("pm2"), facts.shell_env().get("PATH", ""))


def _whole(host: Host, record: Record) -> None:
    """A rollback's target is hashed before it is activated: an edit in place would change every release (DESIGN 5)."""
    name = str(record["release"])
    ignore = (".env", "node_modules", *(record.get("shared") or []))
    hurt = host.store.verify(host.store.manifest(str(record["manifest"])), host.layout.release(name), ignore)
    layer = host.journal.state.layers.get(str(record.get("dependencies")))
    if layer:
        hurt += host.store.verify(
            host.store.manifest(layer), host.layout.layer(str(record["dependencies"])), SCRATCH
        )
    if hurt:
        raise StoreError(
            f"{name} was changed since it was staged: {'; '.join(hurt[:10])}",
            where=str(host.layout.release(name)),
            remedy=["deploy its revision again: turnout deploy --ref " + str(record.get("revision"))[:10]],
        )


CALLS: Dict[str, Callable[[Host, Args, Say], Answer]] = {
    name[len("call_") :]: function for name, function in list(globals().items()) if name.startswith("call_")
}
READ_ONLY = {"facts", "state", "acquire", "watch", "status", "health"}
MUTATING = set(CALLS) - READ_ONLY
