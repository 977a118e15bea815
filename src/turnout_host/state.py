"""What the journal amounts to: a fold over its entries. Pure; no I/O.

States of a release: `staged → rehearsed → active → blessed`, or `failed` / `reverted` (DESIGN 6).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Set

from turnout_host import history

Record = Dict[str, Any]


class State:
    """Releases by name, the one that serves, the activation under way, and the newest numbers."""

    def __init__(self) -> None:
        self.seq = 0
        self.token = 0
        self.newest = 0
        self.releases: Dict[str, Record] = {}
        self.serving: Optional[str] = None
        self.open: Optional[Record] = None
        self.ended: Optional[Record] = None
        """How the newest activation ended."""
        self.migration: Optional[Record] = None
        self.deployments: Dict[str, Record] = {}
        self.layers: Dict[str, Optional[str]] = {}
        """Keys of layers that were made, each with its manifest's digest (None: nothing describes it)."""
        self.stamps: Dict[str, Record] = {}
        """What `stamps.py` said of layers, by key, when all of each had been hashed."""
        self.doomed: Set[str] = set()
        """Releases whose folder, if one is there, is of no use: half laid out, or half pruned."""
        self.backups: Dict[str, Record] = {}
        """Backups of the database that are kept, by name."""
        self.begun_backups: Set[str] = set()
        """Names of backups that were begun and never written down as made: a file that is there is of no use."""
        self.restore: Optional[Record] = None
        """A restore that has not ended, or not well; until another one or the next migration went well."""

        self.keys: Dict[str, Record] = {}
        """SSH keys that `host rotate-key` added, by fingerprint; `replaces` is None once that one is gone."""

    def apply(self, entry: Dict[str, Any]) -> None:
        """Take in one entry; a type that is not known here changes nothing (an older program reads a newer journal)."""
        self.seq = max(self.seq, entry["seq"])
        self.token = max(self.token, int(entry.get("token") or 0))
        history.note(self.deployments, entry)
        handler = _HANDLERS.get(entry["type"])
        if handler:
            handler(self, entry)

    def blessed(self) -> List[Record]:
        """Releases that a rollback may go to, newest first."""
        return [record for record in self.by_number() if record["state"] == "blessed"]

    def by_number(self) -> List[Record]:
        """All releases, newest first."""
        return sorted(self.releases.values(), key=lambda record: -int(record["number"]))

    def below(self, name: Optional[str]) -> Optional[str]:
        """The newest blessed release below `name` (any blessed one when `name` is None)."""
        limit = int(name[1:]) if name else self.newest + 1
        for record in self.blessed():
            if int(record["number"]) < limit:
                return str(record["release"])
        return None

    def useless(self, name: str) -> bool:
        """May a folder of this name be removed? Not where the journal is silent: it may have lost lines."""
        record = self.releases.get(name)
        if record is not None:
            return record["state"] in ("failed", "reverted")
        return name in self.doomed

    def unfinished(self) -> List[str]:
        """Releases that were staged but never became active: leftovers, unless their deployment is at work."""
        return [name for name, record in self.releases.items() if record["state"] in ("staged", "rehearsed")]


def _staging(state: State, entry: Record) -> None:
    state.doomed.add(entry["release"])


def _staged(state: State, entry: Record) -> None:
    state.doomed.discard(entry["release"])
    record = {key: value for key, value in entry.items() if key not in ("seq", "type", "token")}
    record.update(number=int(entry["release"][1:]), state="staged", reason=None)
    state.releases[entry["release"]] = record
    state.newest = max(state.newest, record["number"])


def _adopting(state: State, entry: Record) -> None:
    _staged(state, entry)
    state.releases[entry["release"]]["state"] = "adopting"


def _prepared(state: State, entry: Record) -> None:
    record = state.releases.get(entry["release"])
    if record:
        record.update(
            {
                key: value
                for key, value in entry.items()
                if key not in ("seq", "ts", "type", "token", "release")
            }
        )


def _set(word: str) -> Any:
    def handler(state: State, entry: Record) -> None:
        record = state.releases.get(entry["release"])
        if record:
            record.update(state=word, reason=entry.get("reason"))

    return handler


def _rehearsed(state: State, entry: Record) -> None:
    _set("rehearsed")(state, entry)
    _gap(state, entry)


def _proved(state: State, entry: Record) -> None:
    _phase("proved")(state, entry)
    _gap(state, entry)


def _gap(state: State, entry: Record) -> None:
    """In fork mode: for how long nobody answers; foreseen by a rehearsal, then measured in the switch."""
    record = state.releases.get(entry["release"])
    if record and entry.get("gap_seconds"):
        record["gap_seconds"] = entry["gap_seconds"]


def _asked(state: State, entry: Record) -> None:
    state.open = dict(entry, phase="asked")


def _phase(word: str) -> Any:
    def handler(state: State, entry: Record) -> None:
        if state.open:
            more = {
                key: value
                for key, value in entry.items()
                if key not in ("seq", "ts", "type", "token", "deployment", "release")
            }
            state.open.update(more, phase=word)

    return handler


def _switched(state: State, entry: Record) -> None:
    _phase("switched")(state, entry)
    record = state.releases.get(entry["release"])
    if record and record["state"] != "blessed":
        record["state"] = "active"


def _blessed(state: State, entry: Record) -> None:
    _phase("blessed")(state, entry)
    record = state.releases.get(entry["release"])
    if record:
        record.update(state="blessed", reason=None, since=entry["ts"], blessed_by=entry.get("by"))
    state.serving = entry["release"]


def _reverted(state: State, entry: Record) -> None:
    _phase("reverted")(state, entry)
    record = state.releases.get(entry["release"])
    if record and record["state"] != "blessed":  # a rollback's target was proved once and stays one
        record.update(state="reverted", reason=entry.get("reason"))
    state.serving = entry.get("to")
    back = state.releases.get(entry.get("to") or "")
    if back:
        back["since"] = entry["ts"]


def _word(state: State, entry: Record) -> None:
    """What the deployer says of the other hosts; it counts only for the switch of its own deployment."""
    if state.open and state.open["deployment"] == entry["deployment"]:
        state.open.update(word=entry["type"].partition(".")[2], word_reason=entry.get("reason"))


def _ended(state: State, entry: Record) -> None:
    state.open, state.ended = None, dict(entry)


def _hand(state: State, entry: Record) -> None:
    state.serving = entry["release"]


def _pruned(state: State, entry: Record) -> None:
    state.releases.pop(entry["release"], None)
    state.doomed.add(entry["release"])


def _layer(state: State, entry: Record) -> None:
    state.layers[entry["key"]] = entry.get("manifest")
    _stamped(state, entry)


def _stamped(state: State, entry: Record) -> None:
    state.stamps.pop(entry["key"], None)
    if entry.get("stamp"):
        state.stamps[entry["key"]] = entry["stamp"]


def _key_added(state: State, entry: Record) -> None:
    record = {key: entry.get(key) for key in ("fingerprint", "replaces", "by")}
    state.keys[str(entry["fingerprint"])] = dict(record, since=entry["ts"])


def _key_removed(state: State, entry: Record) -> None:
    state.keys.pop(str(entry["fingerprint"]), None)
    for record in state.keys.values():
        if record["replaces"] == entry["fingerprint"]:
            record["replaces"] = None


def _migration(state: State, entry: Record) -> None:
    state.migration = dict(entry)
    if entry["type"] == "migration.finished":
        state.restore = None
    record = state.releases.get(entry["release"])
    if record:
        record["migrated"] = entry["type"].partition(".")[2]
        record["applied"] = entry.get("applied", record.get("applied", []))
        if entry["type"] == "migration.started":
            record["begun"] = entry.get("pending", [])


def _pinned(state: State, entry: Record) -> None:
    record = state.releases.get(entry["release"])
    if record:
        keys = ("ts", "by", "backup")
        record["pinned"] = (
            {key: entry.get(key) for key in keys} if entry["type"] == "release.pinned" else None
        )


def _backup(state: State, entry: Record) -> None:
    name, what = entry["name"], entry["type"]
    state.begun_backups.discard(name)
    if what == "backup.begun":
        state.begun_backups.add(name)
    elif what == "backup.made":
        state.backups[name] = dict(entry)
    elif what == "backup.removed":
        state.backups.pop(name, None)


def _restored(state: State, entry: Record) -> None:
    """Nobody knows any more which migrations are in: the next deployment asks the database."""
    state.restore = None if entry["type"] == "restore.finished" else dict(entry)
    for record in state.releases.values():
        if "migrated" in record:
            record["migrated"] = "unknown"


_HANDLERS: Dict[str, Any] = {
    "adoption.asked": _adopting,
    "hand.noticed": _hand,
    "key.added": _key_added,
    "key.removed": _key_removed,
    "layer.made": _layer,
    "layer.verified": _stamped,
    "release.staging": _staging,
    "release.staged": _staged,
    "release.prepared": _prepared,
    "release.rehearsed": _rehearsed,
    "release.failed": _set("failed"),
    "release.blessed": _blessed,
    "release.pruned": _pruned,
    "release.pinned": _pinned,
    "release.unpinned": _pinned,
    "backup.begun": _backup,
    "backup.failed": _backup,
    "backup.made": _backup,
    "backup.removed": _backup,
    "restore.started": _restored,
    "restore.failed": _restored,
    "restore.finished": _restored,
    "migration.started": _migration,
    "migration.finished": _migration,
    "migration.failed": _migration,
    "activation.asked": _asked,
    "activation.switched": _switched,
    "activation.reloaded": _phase("reloaded"),
    "activation.proved": _proved,
    "activation.baked": _phase("baked"),
    "group.well": _word,
    "group.sick": _word,
    "activation.saved": _phase("saved"),
    "activation.reverting": _phase("reverting"),
    "activation.reverted": _reverted,
    "activation.ended": _ended,
}
