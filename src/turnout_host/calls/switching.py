"""Calls of the switch: the rehearsal, the activation that the pointsman carries out, reading along."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import List, Optional

from turnout_host import apps, hiding, rehearsal, stamps, survey, switch
from turnout_host.calls.common import Answer, facts_of, record_of
from turnout_host.calls.looking import recover_if_free
from turnout_host.compare import changed
from turnout_host.errors import StoreError, SurveyError, Unhealthy, UsageError
from turnout_host.host import Args, Host, Say
from turnout_host.journal import Journal
from turnout_host.layers import SCRATCH
from turnout_host.notes import Notes
from turnout_host.pointsman import PAUSE, Pointsman, set_aside
from turnout_host.state import Record

REVERT = "undo the newer commits with git revert, and deploy that"
"""The same code once more: a deployment lays it out anew, and gets again what is hurt."""


def call_rehearse(host: Host, args: Args, say: Say) -> Answer:
    """Boot the release on a spare port and probe it there."""
    name = str(record_of(host, args)["release"])
    found = facts_of(host, args, name)
    note = lambda text: say({"kind": "note", "text": text})  # noqa: E731
    values = apps.values_of(found.folder)
    try:
        result = rehearsal.rehearse(
            host.layout, name, found.names[1], found.toolchain, found.settings, found.health, values, note
        )
    except Unhealthy as error:
        raise hiding.conceal(error, values) from None
    if host.journal.state.releases[name]["state"] == "staged":
        measured = {key: result[key] for key in ("boot_seconds", "gap_seconds")}
        host.journal.append("release.rehearsed", host.deployment, release=name, **measured)
    return dict(result)


def call_activate(host: Host, args: Args, say: Say) -> Answer:
    """Ask the pointsman to switch, then read along; from the event `asked` on the host ends the job by itself."""
    record, state = record_of(host, args), host.journal.state
    name, kind = str(record["release"]), args.text("kind")
    if kind == "rollback":
        _whole(host, record)
    facts_of(host, args, name)
    if switch.kind(host.layout) in ("folder", "other"):
        raise SurveyError("drift: `current` is not a link any more", where=str(host.layout.current))
    previous = survey.running(host.layout) or _still_there(host)
    if previous is not None and not survey.known(state, previous):
        raise SurveyError(
            f"`current` leads to {previous}, which was never blessed", where=str(host.layout.current)
        )
    Notes(host.layout, args.text("deployment")).clear()
    set_aside(host.layout)
    entry = host.journal.append(
        "activation.asked",
        args.text("deployment"),
        release=name,
        why=kind,
        by=args.text("by"),
        previous=previous,
        backup=switch.backup_name(host.layout) if previous else None,
        processes=args.table("processes"),
        health=args.table("health"),
        boot_seconds=args.number("boot_seconds"),
        restart_pm2=args.flag("restart_pm2"),
        **({"because": args.table("because")} if args.values.get("because") else {}),
        **({"group": True} if args.flag("group") else {}),
    )
    say({"kind": "asked", "after": entry["seq"], "previous": previous})
    _begin(host, entry)
    return _along(host, str(entry["deployment"]), int(entry["seq"]), args.texts("until"), say)


def _begin(host: Host, asked: Record) -> None:
    """Start the pointsman; where no process can be started, what was asked for is ended before it began."""
    try:
        host.pointsman = Pointsman(host.layout, host.lease)
    except OSError as error:
        about = {"release": asked["release"], "reason": f"the pointsman cannot be started: {error}"}
        host.journal.append("activation.reverted", asked["deployment"], to=asked["previous"], **about)
        host.journal.append("activation.ended", asked["deployment"], result="reverted", **about)


def _still_there(host: Host) -> Optional[str]:
    """A hand removed `current`, yet the processes serve on: what serves by the journal is the way back."""
    name = host.journal.state.serving
    return (
        name if survey.known(host.journal.state, name) and host.layout.release(str(name)).is_dir() else None
    )


def call_watch(host: Host, args: Args, say: Say) -> Answer:
    """Read along with the pointsman until one of `until`, or the end; it may be another connection's."""
    return _along(host, args.text("deployment"), int(args.number("after")), args.texts("until"), say)


def _along(host: Host, deployment: str, after: int, types: List[str], say: Say) -> Answer:
    until = {*types, "activation.ended"}
    notes = host.notes = host.notes or Notes(host.layout, deployment)
    while True:
        if host.leaving.is_set():
            raise InterruptedError("the deployer is gone")
        if host.pointsman is None:
            recover_if_free(host, say)  # we came back over a new link, and perhaps nobody is at it any more
            if _never_asked(host, deployment):
                return {"entry": None, "after": after}
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


def call_group(host: Host, args: Args, say: Say) -> Answer:
    """Tell the pointsman how the whole group is (`well`, `sick`); without a word, only ask if it still waits for one.

    The lease went with a link that was lost; the word counts for the open switch of this very deployment only.
    """
    deployment, word = args.text("deployment"), args.optional("word")
    if word not in (None, "well", "sick"):
        raise UsageError("word must be well or sick")
    host.journal.refresh()
    job = host.journal.state.open
    if job is None or job["deployment"] != deployment:
        return {"waits": False}
    if word is not None:
        Journal(host.layout).append(f"group.{word}", deployment, reason=args.optional("reason"))
    return {"waits": job["phase"] == "baked"}


def _never_asked(host: Host, deployment: str) -> bool:
    """The link was lost with the request on its way, and now nobody is there who could still carry it out."""
    holder = host.lease.holder()
    if host.lease.descriptor >= 0 or (holder and holder.get("deployment") == deployment):
        return False
    return not any(entry["type"] == "activation.asked" for entry in host.journal.since(0, deployment))


def _whole(host: Host, record: Record) -> None:
    """A rollback's target is hashed before it is activated: an edit in place would change every release (DESIGN 5)."""
    if record.get("adopted"):  # its contents were never ours
        return
    name = str(record["release"])
    ignore = (".env", "node_modules", *(record.get("shared") or []))
    hurt = host.store.verify(host.store.manifest(str(record["manifest"])), host.layout.release(name), ignore)
    if hurt:
        raise StoreError(
            f"{name} was changed since it was staged: {'; '.join(hurt[:10])}",
            where=str(host.layout.release(name)),
            remedy=[REVERT],
        )
    _whole_layer(host, record)


def _whole_layer(host: Host, record: Record) -> None:
    """The same for its dependencies; where what serves has them too, they must not be taken away."""
    key = str(record.get("dependencies"))
    digest, folder = host.journal.state.layers.get(key), host.layout.layer(key)
    hurt = _changes(host, key, digest) if digest else []
    if not hurt:
        return
    serves = host.journal.state.releases.get(survey.running(host.layout) or "") or {}
    remedy = [f"on the host: chmod -R u+w {folder} && rm -r {folder}", f"then {REVERT}: they are made anew"]
    if serves.get("dependencies") == key:
        remedy = [f"{serves['release']} serves with them, too: commit a newer package-lock.json, and deploy"]
    raise StoreError(
        f"the dependencies of {record['release']} were changed since they were made: {'; '.join(hurt[:10])}",
        where=str(folder),
        remedy=remedy,
    )


def _changes(host: Host, key: str, digest: str) -> List[str]:
    """How a layer differs from its manifest: all of it is hashed, or what was touched since its stamp; then stamped."""
    folder, known = host.layout.layer(key), host.journal.state.stamps.get(key)
    before = stamps.look(folder, SCRATCH, known)
    left = stamps.left(known, before)
    if left == []:
        return []
    entries = host.store.manifest(digest)
    changes = host.store.verify(entries, folder, SCRATCH) if left is None else changed(entries, folder, left)
    stamp = None if changes else stamps.hashed(before, folder, SCRATCH)
    if stamp:
        with suppress(OSError):  # without it, the next one hashes again
            host.journal.append("layer.verified", host.deployment, key=key, stamp=stamp)
    return changes
