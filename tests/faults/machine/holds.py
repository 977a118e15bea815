"""What must hold on the host after every step (DESIGN 9, points 2 to 5 and 7, as far as one host has them).

The journal's lines are read here by themselves, without `state.py`: a mistake there must not hide itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.faults.machine.standin import WORKERS, World
from turnout_host import survey, switch
from turnout_host.journal import Journal
from turnout_host.layout import Layout
from turnout_host.lease import Lease
from turnout_host.store import Store

IGNORE = (".env", "node_modules", "logs")


class Ledger:
    """The journal as its lines say it."""

    def __init__(self, layout: Layout) -> None:
        self.entries: list[dict[str, Any]] = []
        for line in layout.journal.read_bytes().splitlines() if layout.journal.exists() else []:
            try:
                self.entries.append(json.loads(line))
            except ValueError:
                continue  # a writer died in it
        self.switches = self._switches()

    def names(self, kind: str, undone: str) -> list[str]:
        """Releases with an entry of this kind that none of `undone` follows, lowest number first."""
        found: set[str] = set()
        for entry in self.entries:
            if entry["type"] == kind:
                found.add(entry["release"])
            elif entry["type"] == undone:
                found.discard(entry["release"])
        return sorted(found, key=lambda name: int(name[1:]))

    def blessed(self) -> list[str]:
        """Releases that a rollback may go to."""
        return self.names("release.blessed", "release.pruned")

    def pinned(self) -> list[str]:
        """Releases that must never go."""
        return self.names("release.pinned", "release.unpinned")

    def manifest(self, name: str) -> str:
        """The digest of its manifest."""
        return next(
            str(one["manifest"])
            for one in self.entries
            if one["type"] == "release.staged" and one["release"] == name
        )

    def _switches(self) -> list[list[dict[str, Any]]]:
        """The entries of each activation, from its asking on."""
        found: list[list[dict[str, Any]]] = []
        for entry in self.entries:
            if entry["type"] == "activation.asked":
                found.append([])
            if found and (entry["type"].startswith("activation.") or entry["type"] == "release.blessed"):
                found[-1].append(entry)
        return found

    def ended(self) -> dict[str, Any] | None:
        """How the newest activation ended; None while it is open."""
        last = self.switches[-1][-1] if self.switches else None
        return last if last and last["type"] == "activation.ended" else None


def always(layout: Layout, world: World, touched: set[str], gone: set[str]) -> Iterator[str]:
    """What holds at any moment, also while a program lies dead. A hand was at `touched` and `gone`."""
    ledger = Ledger(layout)
    yield from _tokens(ledger)
    yield from _switches(ledger)
    yield from _whole(layout, ledger, touched, gone)
    yield from _led(layout, ledger, gone)
    if Journal(layout).state.seq != max((one["seq"] for one in ledger.entries), default=0):
        yield "the journal does not fold to its end"
    if strange := world.started - set(ledger.names("activation.asked", "")):
        yield f"1: {strange} served and were never asked for"


def _tokens(ledger: Ledger) -> Iterator[str]:
    newest = 0
    for number, entry in enumerate(ledger.entries, start=1):
        if 0 < entry["token"] < newest:
            yield f"4: {entry['type']} was written with token {entry['token']} after {newest}"
        if entry["seq"] != number:
            yield f"4: entry {number} calls itself {entry['seq']}"
        newest = max(newest, entry["token"])


def _switches(ledger: Ledger) -> Iterator[str]:
    for switched in ledger.switches:
        kinds = [one["type"] for one in switched]
        for kind in ("activation.reverting", "activation.reverted", "activation.ended", "release.blessed"):
            if kinds.count(kind) > 1:
                yield f"{kind} {kinds.count(kind)} times in one switch: {kinds}"
        if "activation.ended" in kinds[:-1]:
            yield f"a switch went on after its end: {kinds}"


def _whole(layout: Layout, ledger: Ledger, touched: set[str], gone: set[str]) -> Iterator[str]:
    store = Store(layout)
    for name in {*ledger.blessed(), *ledger.pinned()} - gone:
        if not layout.release(name).is_dir():
            yield f"2: {name} is blessed or pinned, and is not there"
        elif name not in touched and (
            hurt := store.verify(store.manifest(ledger.manifest(name)), layout.release(name), IGNORE)
        ):
            yield f"2: {name}: {hurt}"


def _led(layout: Layout, ledger: Ledger, gone: set[str]) -> Iterator[str]:
    """`current` leads to a blessed release, or to the one that is being proved."""
    name, ended = survey.running(layout), ledger.ended()
    if switch.kind(layout) == "link" and name is None:
        if Path(layout.current).readlink().name not in gone:
            yield f"2: `current` leads to {layout.current.readlink()}, where nothing is"
    elif name and name not in ledger.blessed() and ended and ended["result"] != "revert_failed":
        yield f"2: `current` leads to {name}, which was never blessed"


def settled(layout: Layout, world: World, status: dict[str, Any]) -> Iterator[str]:
    """What holds once somebody was in contact, and nothing died since."""
    yield from _leftovers(layout)
    yield from _agreement(layout, world, status)


def _leftovers(layout: Layout) -> Iterator[str]:
    ledger = Ledger(layout)
    if Lease(layout).holder() is not None:
        yield "7: the lease is held"
    if left := sorted(path.name for path in layout.tmp.iterdir()):
        yield f"7: in tmp: {left}"
    if left := sorted(path.name for path in layout.bin.iterdir() if path.name.startswith(".")):
        yield f"7: in bin: {left}"
    if ledger.switches and ledger.ended() is None:
        yield f"7: a switch is open: {[one['type'] for one in ledger.switches[-1]]}"
    unproved = {one[0]["release"] for one in ledger.switches if one[-1].get("result") == "revert_failed"}
    for folder in layout.releases.iterdir():
        if folder.name not in {*ledger.blessed(), *unproved}:
            yield f"7: {folder.name} is left over"


def _agreement(layout: Layout, world: World, status: dict[str, Any]) -> Iterator[str]:
    current, serving = survey.running(layout), Journal(layout).state.serving
    runs = [Path(worker.folder).name for worker in world.workers]
    well = world.answer().ok and world.answer().ok
    agreed = current == serving and set(runs) == ({current} if current else set())
    if (not agreed or (current and not (well and len(runs) == WORKERS))) and not status["needs_a_look"]:
        yield f"3: current {current}, journal {serving}, processes {runs}: the status says nothing"
