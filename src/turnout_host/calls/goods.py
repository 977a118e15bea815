"""Calls that bring a release and its layers here: contents, layers, the release's folder, its dotenv, pruning."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Collection, Dict, Optional

from turnout_host import disk, dotenv, facts, layers, people, releases, stamps, survey
from turnout_host.calls import manifests
from turnout_host.calls.common import Answer, next_number, record_of, toolchain_of
from turnout_host.calls.deployment import proved
from turnout_host.calls.keeping import retain
from turnout_host.describe import describe
from turnout_host.errors import SurveyError
from turnout_host.host import Args, Host, Say
from turnout_host.prune import prune


def call_lacks(host: Host, args: Args, say: Say) -> Answer:
    """Keep the manifests; which contents are missing, and is there room for them and for the trees?"""
    offered = manifests.offered(host, args, keep=True)
    based = manifests.based(host, offered)
    lacking = manifests.lacking(host, offered.blobs)
    files = lacking.marks.count("1") + offered.entries
    pruned = _room(host, args, offered.digests, lacking.bytes, files, say)
    return {
        "lacking": lacking.marks,
        "bytes": lacking.bytes,
        "inodes": files,
        "disk": host.store.disk(),
        "pruned": pruned,
        "based": based,
        "begun": lacking.begun,
    }


def _room(
    host: Host, args: Args, coming: Collection[str], size: int, files: int, say: Say
) -> Optional[Answer]:
    """Refuse where there is no room for it; before that, where `keep` says so, what may go first is pruned."""
    try:
        survey.space(host.store, size, files)
        return None
    except SurveyError:
        if args.values.get("keep") is None:
            raise
    pruned = prune(host.layout, host.journal, host.store, int(args.number("keep")), coming)
    freed = f"the disk is short: {pruned['freed'] / 1e6:,.1f} MB were freed"
    gone = f"; {', '.join(pruned['removed'])} went" if pruned["removed"] else ""
    say({"kind": "note", "text": freed + gone})
    try:
        survey.space(host.store, size, files)
    except SurveyError as error:
        error.detail["reason"] = f"{freed} already{gone}"
        raise
    return pruned


def call_upload(host: Host, args: Args, say: Say) -> Answer:
    """Take the contents in; what arrived whole stays, whatever happens then."""
    stored, size = host.store.receive(args.values["chunks"], args.text("compression"))
    return {"stored": stored, "bytes": size}


def call_lay_layer(host: Host, args: Args, say: Say) -> Answer:
    """Make a shipped layer from the store, once."""
    key, digest = args.text("key"), args.digest("manifest")
    there = layers.exists(host.layout, key)
    if there and key in host.journal.state.layers:
        return {"made": False}
    stamps.settle()  # what was uploaded just now
    began = time.time_ns()
    if there:
        made = layers.mend(host.layout, host.store, key, digest)
    else:
        made = layers.lay(host.layout, host.store, key, host.store.manifest(digest))
    host.journal.append("layer.made", host.deployment, key=key, manifest=digest)
    host.later.append(lambda: _stamp(host, key, began))
    return {"made": made}


def _stamp(host: Host, key: str, began: int) -> None:
    """Without it, the first rollback hashes what is hashed already; so it is not begun when the deployer leaves."""
    if host.leaving.wait(stamps.SETTLED):
        return
    stamp = stamps.laid(began, host.layout.layer(key), layers.SCRATCH)
    if stamp:
        host.journal.append("layer.verified", host.deployment, key=key, stamp=stamp)


def call_make_layer(host: Host, args: Args, say: Say) -> Answer:
    """Make the dependency layer here, by the user's commands, once."""
    key, made, seconds = args.text("key"), False, 0.0
    there = layers.exists(host.layout, key)
    if there and key in host.journal.state.layers:
        return {"made": made, "seconds": seconds}
    if there:
        disk.seal(host.layout.layer(key))  # laid whole, but killed before it was sealed and written down
    else:
        made, seconds = True, _make(host, key, args, say)
    stamps.settle()
    before = stamps.look(host.layout.layer(key), layers.SCRATCH)
    text = describe(host.layout.layer(key), layers.SCRATCH)
    digest = host.store.keep_text(text) if text is not None else None
    stamp = stamps.hashed(before, host.layout.layer(key), layers.SCRATCH)
    host.journal.append("layer.made", host.deployment, key=key, manifest=digest, stamp=stamp)
    return {"made": made, "seconds": seconds}


def _make(host: Host, key: str, args: Args, say: Say) -> float:
    toolchain = toolchain_of(host, args.table("toolchain"))
    folder = host.layout.release(args.text("release"))
    output = lambda line: say({"kind": "output", "line": line})  # noqa: E731
    return layers.make(
        host.layout, key, folder, args.texts("commands"), args.texts("inputs"), toolchain.dirs, output
    )


def call_stage(host: Host, args: Args, say: Say) -> Answer:
    """Lay the release out beside the running one."""
    name, digest, shared = f"v{next_number(host)}", args.digest("manifest"), args.texts("shared")
    host.journal.append("release.staging", args.text("deployment"), release=name)
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
        inputs=args.optional("inputs"),
        turnout=args.optional("turnout"),
        **_origin(args),
    )
    return {"release": name}


def _origin(args: Args) -> Dict[str, Optional[str]]:
    """What its build depended on (`build`), and where it comes from if it was not built for this."""
    found = {key: args.optional(key) for key in ("build", "again", "back_to", "promoted")}
    return {key: value for key, value in found.items() if value is not None}


def call_dotenv(host: Host, args: Args, say: Say) -> Answer:
    """Give the release its own copy of the environment's .env."""
    record = record_of(host, args)
    name = str(record["release"])
    choice = dotenv.choose(host.layout, survey.recorded(host.journal.state, survey.running(host.layout)))
    release_id = f"{name}-{record['artifact'][:12]}"
    dotenv.write(host.layout, name, choice.base, release_id)
    keys = sorted(dotenv.parse(choice.base.decode("utf-8", "replace")))
    digest = dotenv.digest(choice.base)
    shared = dotenv.shared_digest(host.layout)
    found = {"base_digest": digest, "keys": keys, "taken_over": choice.taken_over, "shared": shared}
    host.journal.append(
        "release.prepared", host.deployment, release=name, release_id=release_id, dotenv=found
    )
    return {"digest": digest, "keys": keys, "taken_over": choice.taken_over}


def call_install(host: Host, args: Args, say: Say) -> Answer:
    """Link the dependency layer and write down with what the release runs."""
    record, wanted = record_of(host, args), args.table("layers")
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
    with contextlib.suppress(OSError):  # a convenience for people; ~/.local may be somebody else's
        people.link(host.layout, runs["node"], runs["pm2"], str(runs["path"]))
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
    return {"pending": proved(host, record_of(host, args))}


def call_prune(host: Host, args: Args, say: Say) -> Answer:
    """Remove what no longer needs to be kept."""
    old = retain(host, args.table("backups"))
    return dict(prune(host.layout, host.journal, host.store, int(args.number("keep", 5))), backups=old)
