"""What `turnout verify` asks: do journal, releases, links, contents and processes of this host fit? Only looks.

A finding is `{what, where, why, remedy}`; in a remedy `{env}` and `{host}` are for the deployer to fill in.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from turnout_host import children, ledger, proc, releases, stamps, status, survey, switch
from turnout_host.digests import Digests
from turnout_host.errors import StoreError
from turnout_host.layers import SCRATCH
from turnout_host.layout import Layout
from turnout_host.lease import Lease, public
from turnout_host.state import Record, State

Finding = Dict[str, Any]
MENDS = "turnout resume {env}"
SHOWN = 5
"""Paths of a tree that a finding names; the rest is counted."""


def finding(what: str, where: Any, why: str, *remedy: str) -> Finding:
    """One thing that is not as it should be."""
    return {"what": what, "where": str(where), "why": why, "remedy": list(remedy)}


class Checkup:
    """One look at all of an app on one host."""

    def __init__(self, layout: Layout, state: State, asked: Dict[str, Any]) -> None:
        self._layout, self._state, self._asked = layout, state, asked
        self._digests = Digests(layout)
        self._holder = Lease(layout).holder()
        self._checked = {"releases": 0, "layers": 0, "entries": 0, "processes": 0, "bytes": 0}

    def look(self) -> Dict[str, Any]:
        """The findings, what was looked at, and who is at work here meanwhile."""
        found = [
            *self._journal(),
            *self._contents(),  # first, since what is laid out anew is laid from there
            *self._layers(),
            *self._current(),
            *self._releases(),
            *self._backups(),
            *self._processes(),
            *([] if self._holder else self._leftovers()),
        ]
        self._checked["bytes"] = self._digests.bytes
        return {
            "release": survey.running(self._layout),
            "findings": found,
            "checked": self._checked,
            "lease": public(self._holder) if self._holder else None,
        }

    def _journal(self) -> Iterator[Finding]:
        read = ledger.read(self._layout.journal)
        self._checked["entries"] = read.entries
        journal = self._layout.journal
        for number, why in read.wrong:
            look = f"ssh {{host}} sed -n {number}p {journal}"
            take = f"if nothing can be read from it, take it out: ssh {{host}} sed -i.bak {number}d {journal}"
            yield finding("journal", f"{journal}:{number}", why, look, take)
        if read.torn and not self._holder:
            yield finding("journal", journal, "its last line was left half written", MENDS)
        if self._state.restore is not None:
            name = self._state.restore["name"]
            why = f"the restore of {name} did not end well: the database may be half restored"
            yield finding("database", journal, why, f"turnout restore {{env}} {name}")

    def _current(self) -> Iterator[Finding]:
        kind, name, link = switch.kind(self._layout), survey.running(self._layout), self._layout.current
        serving = self._state.serving
        if self._state.open is not None and self._holder:
            return
        if kind in ("folder", "other"):
            why = "`current` is no link to a release: a hand or another tool put something there"
            yield finding(
                "current", link, why, "turnout host adopt {env}", f"or move it away: mv {link} {link}-by-hand"
            )
        elif kind == "missing" and serving:
            yield finding(
                "current", link, f"`current` is missing; {serving} should serve", self._again(serving)
            )
        elif kind == "link" and not survey.known(self._state, name):
            where = switch.target(self._layout) or "nothing"
            best = serving or self._state.below(None)
            lead = (
                f"ssh {{host}} ln -sfn {self._layout.release(best)} {link}"
                if best
                else "turnout deploy {env}"
            )
            yield finding("current", link, f"`current` leads to {where}, which is no blessed release", lead)
        elif name != serving:
            why = f"a hand led `current` from {serving or 'nothing'} to {name}"
            yield finding(
                "current",
                link,
                why,
                f"go on from {name}: {MENDS}",
                f"or back: turnout rollback {{env}} {serving}",
            )

    def _releases(self) -> Iterator[Finding]:
        there = set(releases.names(self._layout))
        for record in self._state.by_number():
            name = str(record["release"])
            if record["state"] in ("blessed", "active") or record.get("adopted"):
                self._checked["releases"] += 1
                if name in there:
                    yield from self._release(name, record)
                else:
                    why = f"{name} is {record['state']} by the journal, and its folder is gone"
                    yield finding("release", self._layout.release(name), why, self._again(name))
        for name in sorted(there - set(self._state.releases) - self._state.doomed):
            if not self._state.useless(name):
                folder = self._layout.release(name)
                look = f"see what it is: ssh {{host}} ls -l {folder}"
                yield finding(
                    "release", folder, f"the journal does not know {name}", look, f"then: rm -r {folder}"
                )

    def _release(self, name: str, record: Record) -> Iterator[Finding]:
        folder = self._layout.release(name)
        shared = [str(one) for one in record.get("shared") or []]
        if record.get("manifest") and not record.get("adopted"):
            ignore = (".env", "node_modules", *shared)
            yield from self._tree("release", name, folder, str(record["manifest"]), ignore, self._again(name))
        for one in shared:
            link = folder / one
            if not record.get("adopted") and _reads(link) != str(self._layout.shared / one):
                why = f"{one} of {name} does not lead to shared/{one}"
                yield finding("link", link, why, self._relink(link, self._layout.shared / one))
        key, link = record.get("dependencies"), folder / "node_modules"
        modules = self._layout.layer(str(key)) / "node_modules" if key else link
        if key and _reads(link) != str(modules):
            why = f"node_modules of {name} does not lead to its layer"
            yield finding("link", link, why, self._relink(link, modules))
        yield from self._secret(folder / ".env", name)

    def _secret(self, file: Path, name: str) -> Iterator[Finding]:
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
        except OSError:
            yield finding("dotenv", file, f"{name} has no .env", self._again(name))
            return
        if mode & 0o077:
            why = f"others can read the .env of {name} (mode {mode:04o})"
            yield finding("dotenv", file, why, f"ssh {{host}} chmod 600 {file}")

    def _layers(self) -> Iterator[Finding]:
        used: Dict[str, List[str]] = {}
        for record in self._state.blessed():
            runs = record.get("toolchain") or {}
            for key in (record.get("dependencies"), runs.get("node"), runs.get("pm2")):
                if key:
                    used.setdefault(str(key), []).append(str(record["release"]))
        for key, names in sorted(used.items()):
            self._checked["layers"] += 1
            folder, digest = self._layout.layer(key), self._state.layers.get(key)
            if not folder.is_dir():
                why = f"the layer of {', '.join(names)} is gone"
                yield finding("layer", folder, why, "turnout deploy {env}    sends it again")
            elif digest:
                away = f"ssh {{host}} 'chmod u+w {folder} && mv {folder} {self._layout.tmp / key}'"
                again = "turnout deploy {env}    sends it again"
                found = list(self._tree("layer", key, folder, digest, SCRATCH, away, again))
                if found:
                    stamps.distrust(folder)
                yield from found

    def _tree(
        self, what: str, name: str, folder: Path, digest: str, ignore: Any, *remedy: str
    ) -> Iterator[Finding]:
        try:
            changes = self._digests.tree(digest, folder, ignore)
        except StoreError as error:
            yield finding(
                what,
                folder,
                f"{name} cannot be checked: {error.message}",
                "turnout deploy {env}    sends it again",
            )
            return
        if changes:
            more = f", and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
            yield finding(
                what, folder, f"{name} is not as it was laid: {'; '.join(changes[:SHOWN])}{more}", *remedy
            )

    def _contents(self) -> Iterator[Finding]:
        for path in self._digests.hurt():
            why = "a content of the store is not what its name says; whatever links it is hurt, too"
            yield finding(
                "store",
                path,
                why,
                f"ssh {{host}} rm -f {path}",
                "the next deployment that needs it sends it again",
            )

    def _backups(self) -> Iterator[Finding]:
        for link in switch.links(self._layout):
            if not link.exists():
                yield finding(
                    "link", link, f"{link.name} leads to a release that is gone", f"ssh {{host}} rm {link}"
                )

    def _processes(self) -> Iterator[Finding]:
        seen = status.health(self._layout, self._state, self._asked)
        name = seen["release"]
        self._checked["processes"] = len(seen["processes"])
        if not survey.known(self._state, name) or self._holder:
            return  # `current` is told already; in a switch old and new ones serve side by side
        names = {name, (self._state.releases[str(name)]).get("release_id")}
        again = self._again(str(name))
        if not seen["processes"]:
            yield finding("process", "PM2", "PM2 runs no process of this app", again)
        for one in seen["processes"]:
            where = f"PM2, {one['name']}"
            if one["status"] != "online":
                yield finding("process", where, f"it is {one['status']}", "turnout logs {env} --err", again)
            elif one["release"] not in names:
                other = one["release"] or "another folder"
                yield finding("process", f"pid {one['pid']}", f"it runs {other}, not {name}", again)
        if seen["processes"] and not seen["health"]["ok"]:
            why = f"the health check fails: {seen['health']['reason']}"
            yield finding("health", seen["health"]["url"], why, "turnout logs {env} --err", again)

    def _leftovers(self) -> Iterator[Finding]:
        """What a dead run left; with nobody at work there is none."""
        if self._state.open is not None:
            why = f"the switch to {self._state.open['release']} was left open"
            yield finding("leftover", self._layout.journal, why, MENDS)
        for name in self._state.unfinished():
            yield finding("leftover", self._layout.release(name), f"{name} was left unfinished", MENDS)
        for name in releases.names(self._layout):
            if self._state.useless(name) and name != survey.running(self._layout):
                yield finding(
                    "leftover", self._layout.release(name), f"{name} failed and is still there", MENDS
                )
        for path in sorted(self._layout.tmp.iterdir()):
            yield finding("leftover", path, "a dead run left it", MENDS)
        for pid in _forgotten(self._layout):
            yield finding("leftover", f"pid {pid}", f"a dead run left it: {proc.cmdline(pid)[:80]}", MENDS)

    def _relink(self, link: Path, target: Path) -> str:
        """Its folder is sealed, what stands there may be somebody's, `ln -sfn` would go into a real folder."""
        aside = self._layout.path / f"{link.parent.name}-{link.name}-by-hand"
        folder, name, leads, away = (shlex.quote(str(one)) for one in (link.parent, link, target, aside))
        move = f"mv {name} {away} && " if os.path.lexists(str(link)) else ""
        words = f"chmod u+w {folder} && {move}ln -s {leads} {name} && chmod u-w {folder}"
        return f"ssh {{host}} {shlex.quote(words)}"

    def _again(self, name: str) -> str:
        """How its revision is laid out anew. An earlier release is only wanted where somebody goes back to it."""
        revision = str(self._state.releases.get(name, {}).get("revision") or "")[:10]
        words = f"turnout deploy {{env}}{f' --ref {revision}' if revision else ''}"
        if name in (survey.running(self._layout), self._state.serving):
            return f"{words} --accept-drift    lays it anew"
        return f"nothing, until it is wanted; then {words}"


def _reads(link: Path) -> Optional[str]:
    try:
        return os.readlink(str(link))
    except OSError:
        return None


def _forgotten(layout: Layout) -> Iterator[int]:
    """What the sweep would end."""
    for pid in proc.pids():
        env = proc.environ(pid) if pid != os.getpid() else {}
        if env.get(children.MARK) != str(layout.path) or children.at_work(env.get(children.OWNER, "")):
            continue
        if not any("God Daemon" in proc.cmdline(one) for one in proc.ancestors(pid)):
            yield pid
