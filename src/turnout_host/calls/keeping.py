"""Calls that keep things: pins, backups of the database, and bringing one of those back."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from turnout_host import apps, backups, hiding, piping, survey
from turnout_host.calls.common import Answer, record_of, toolchain_of
from turnout_host.calls.deployment import pending
from turnout_host.errors import HostError, SurveyError, UsageError
from turnout_host.host import Args, Host, Say
from turnout_host.state import Record


def call_pin(host: Host, args: Args, say: Say) -> Answer:
    """Pin a blessed release, so that it is never pruned; or, with `remove`, no longer."""
    record, remove = record_of(host, args), args.flag("remove")
    name = str(record["release"])
    if record["state"] != "blessed" and not remove:
        raise UsageError(
            f"{name} is {record['state']}, and only a blessed release is worth keeping",
            remedy=["turnout releases"],
        )
    return {"changed": _pin(host, name, args.text("by"), remove)}


def call_backup(host: Host, args: Args, say: Say) -> Answer:
    """Keep what the user's own command writes, checked; then remove backups that have had their time."""
    record, why = record_of(host, args), args.text("why")
    if why == "migration" and not pending(host, record):
        return {"made": None, "removed": []}
    _sweep(host)
    name = args.optional("name") or backups.free_name(host.layout, _name(why, record))
    backups.must_be_free(host.layout, name)
    folder, env, tell, values = _surroundings(host, record, say)
    host.journal.append("backup.begun", host.deployment, name=name)
    began = time.monotonic()
    try:
        made = backups.make(host.layout, name, args.text("command"), folder, env, tell)
    except HostError as error:
        if why == "migration" and isinstance(error, SurveyError):
            error.message += ": nothing was migrated"
        raise hiding.conceal(error, values) from None
    running = survey.running(host.layout)
    entry = {
        "name": name,
        "release": running,
        "by": args.text("by"),
        "why": why,
        "named": args.optional("name") is not None,
        "size": made.size,
        "digest": made.digest,
        "packed": made.packed,
        "seconds": round(time.monotonic() - began, 3),
    }
    host.journal.append("backup.made", host.deployment, **entry)
    if args.flag("pin") and survey.known(host.journal.state, running):
        _pin(host, str(running), args.text("by"), backup=None if entry["named"] else name)
    return {"made": entry, "removed": retain(host, args.table("retention"))}


def call_check_backup(host: Host, args: Args, say: Say) -> Answer:
    """Read a whole backup; what the journal says of it."""
    record = _backup(host, args.text("name"))
    backups.check(host.layout, record)
    return {"backup": record}


def call_restore(host: Host, args: Args, say: Say) -> Answer:
    """Give a backup to the user's own command, which overwrites the database with it. Runs to its end by itself."""
    release, kept = record_of(host, args), _backup(host, args.text("name"))
    folder, env, tell, values = _surroundings(host, release, say)
    name, began = str(kept["name"]), time.monotonic()
    pieces = backups.read(backups.file(host.layout, name), int(kept["size"]), str(kept["digest"]))
    host.journal.append("restore.started", host.deployment, name=name, by=args.text("by"))
    argv = ["/bin/sh", "-c", args.text("command")]
    try:
        ended = piping.feed(argv, folder, env, pieces, lambda line: tell("output", line))
        if ended.status:
            raise HostError(f"the restore of {name} failed with status {ended.status}", tail=ended.tail)
    except Exception as error:  # noqa: BLE001 - whatever it is, the database may be half restored, and the journal says so
        told = hiding.conceal(error if isinstance(error, HostError) else HostError(str(error)), values)
        host.journal.append("restore.failed", host.deployment, name=name, reason=told.message)
        raise told from None
    seconds = round(time.monotonic() - began, 3)
    host.journal.append("restore.finished", host.deployment, name=name, seconds=seconds)
    return {"seconds": seconds}


def retain(host: Host, asked: Dict[str, Any]) -> List[str]:
    """Remove the backups that have had their time, and the pins that came with them. Returns their names."""
    if not asked:
        return []
    age = asked.get("max_age")
    _sweep(host)
    state, running = host.journal.state, survey.running(host.layout)
    names = backups.outdated(
        state, running, int(asked["keep"]), None if age is None else float(age), time.time()
    )
    for name in names:
        backups.remove(host.layout, name)  # before the journal: what is there still would be nobody's
        host.journal.append("backup.removed", host.deployment, name=name)
        for release, record in state.releases.items():
            if (record.get("pinned") or {}).get("backup") == name:
                _pin(host, release, "retention", remove=True)
    return names


def _sweep(host: Host) -> None:
    """Remove what a run left that died between a backup's place and the journal: it would hold its name for ever."""
    host.journal.refresh()
    for name in sorted(host.journal.state.begun_backups):
        backups.remove(host.layout, name)
        host.journal.append("backup.failed", host.deployment, name=name)


def _pin(host: Host, release: str, by: str, remove: bool = False, backup: Optional[str] = None) -> bool:
    """Journal a pin, or its end, if that is news. A person's pin is never weakened to one that goes with a backup."""
    now = host.journal.state.releases[release].get("pinned")
    if remove and now:
        host.journal.append("release.unpinned", host.deployment, release=release, by=by)
        return True
    if not remove and (not now or (now.get("backup") and now["backup"] != backup)):
        host.journal.append("release.pinned", host.deployment, release=release, by=by, backup=backup)
        return True
    return False


def _name(why: str, record: Record) -> str:
    """What a backup is called that nobody named."""
    moment = time.strftime("%Y%m%d-%H%M%S")
    return {"migration": f"before-{record['release']}", "restore": f"before-restore-{moment}"}.get(
        why, f"db-{moment}"
    )


def _backup(host: Host, name: str) -> Record:
    host.journal.refresh()
    found = host.journal.state.backups.get(name)
    if found is None:
        there = ", ".join(str(one["name"]) for one in backups.listed(host.layout, host.journal.state))
        raise UsageError(f"there is no backup {name}", reason=f"there is {there or 'none'}")
    return found


def _surroundings(
    host: Host, record: Record, say: Say
) -> Tuple[Any, Dict[str, str], Callable[[str, str], None], Dict[str, str]]:
    """Folder, environment, listener and dotenv of the user's command: the release's, with its dotenv's values."""
    folder = host.layout.release(str(record["release"]))
    values = apps.values_of(folder)
    env = dict(values, **toolchain_of(host, record["toolchain"]).env())
    hidden = hiding.secrets(values)

    def tell(kind: str, line: str) -> None:
        key = "line" if kind == "output" else "text"
        say({"kind": kind, key: hiding.hide(line, hidden)})

    return folder, env, tell, values
