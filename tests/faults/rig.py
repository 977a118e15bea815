"""A VPS on which faults can be laid, and what must hold after every fault (DESIGN 9)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.client import Run
from tests.support.left import children, ours
from tests.support.proxy import ProxyThread
from tests.support.site import API_KEY, Site, strays, until
from turnout.cli.demo.traffic import Figures
from turnout_host.layers import SCRATCH
from turnout_host.lease import Lease
from turnout_host.state import State
from turnout_host.store import Store

IGNORE = (".env", "node_modules", "logs")
APPLIED = """SELECT migration_name, count(*), count(finished_at) FROM _prisma_migrations
GROUP BY migration_name HAVING count(*) <> 1 OR count(finished_at) <> 1"""
"""Migrations that are not in once and whole."""
LOOKED: dict[Path, int] = {}
"""How a layer looked when it was last read and found well."""


COMPILED, MIGRATIONS = "backend/compiled", "backend/prisma/migrations"
TOML = f"""[build]
commands = ["cp -R {Path(COMPILED).name} dist"]
[release]
keep = 1"""
WELL = "healthy ? 200 : 503"
SICK = "require('../config/greeting').sick && !process.env.TURNOUT_REHEARSAL ? 500 : " + WELL


class Rig(Site):
    """A site whose programs, on both sides, meet the fault that was laid.

    v1 is the sample; from then on a build only copies what the first one compiled, so that a fault is cheap. v2 serves,
    and as `keep` is 1, every deployment of a good release has one to prune.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            self.deploy()
            self._compiled()
            self.greet("The second release")
            self.deploy()
        except BaseException:
            self.close()
            raise

    def _compiled(self) -> None:
        """The app of which a release can be sick under PM2 and well in the rehearsal."""
        folder = self.repo / COMPILED
        shutil.copytree(self.layout.release("v1") / "dist", folder)
        for path, _, names in os.walk(folder):
            for one in [path, *(f"{path}/{name}" for name in names)]:
                Path(one).chmod(0o755)
        health = folder / "controllers/health.js"
        text = health.read_text()
        assert text.count(WELL) == 1
        health.write_text(text.replace(WELL, SICK))
        self.write_toml(more=TOML)

    def greet(self, words: str) -> str:
        """A code-only change: `GET /` answers with these words."""
        return self.commit_change(words, "code")

    def commit_change(self, words: str, change: str) -> str:
        """A new greeting; with `sick`, /health fails under PM2; with `migration` there is one more of those."""
        sick = json.dumps(change == "sick")
        text = f"exports.greeting = {json.dumps(words)};\nexports.sick = {sick};\n"
        files = {f"{COMPILED}/config/greeting.js": text}
        if change == "migration":
            number = len(list((self.repo / MIGRATIONS).iterdir()))
            table = f'CREATE TABLE "Place{number}" ("id" INTEGER NOT NULL PRIMARY KEY);\n'
            files[f"{MIGRATIONS}/2027010100{number:04}_place/migration.sql"] = table
        return self.commit(files, f"Greet with {words}")

    def _vps_env(self) -> dict[str, str]:
        return super()._vps_env() | {"TURNOUT_FAULTS": str(self.fault)}

    def _deployer_env(self) -> dict[str, str]:
        return super()._deployer_env() | {"TURNOUT_FAULTS": str(self.fault)}

    @property
    def fault(self) -> Path:
        """Where the programs look for it."""
        return self.root / "fault"

    def lay(self, point: str, act: str, seconds: float = 0.0, then: dict[str, Any] | None = None) -> None:
        """From now on the first program that comes to `point` does `act`; `then` another fault is laid."""
        self.lift()
        new = self.root / "fault.new"
        fault = {"point": point, "act": act, "seconds": seconds}
        new.write_text(json.dumps(fault | {"then": then} if then else fault))
        new.rename(self.fault)

    @contextlib.contextmanager
    def recording(self) -> Iterator[set[str]]:
        """Every point that a program comes to meanwhile."""
        points, file = set[str](), self.root / "fault.points"
        file.write_text("")
        self.lay("", "record")
        try:
            yield points
            self.settle()
        finally:
            self.lift()
            points |= set(file.read_text().split())

    def lift(self) -> bool:
        """Take the fault away; whether it was met."""
        met = self.root / "fault.met"
        self.fault.unlink(missing_ok=True)
        was = met.exists()
        met.unlink(missing_ok=True)
        (self.root / "fault.cut").unlink(missing_ok=True)
        return was

    def over(self, port: int) -> dict[str, str]:
        """The surroundings that lead a deployer through a proxy."""
        return {
            "VPS_HOST": "127.0.0.1",
            "VPS_PORT": str(port),
            "VPS_USER": self.sshd.user,
            "VPS_KNOWN_HOSTS": self.sshd.host_key_line.replace(str(self.sshd.port), str(port)),
        }

    @contextlib.contextmanager
    def link(self, *acts: str) -> Iterator[dict[str, str]]:
        """The surroundings of a deployer; with a `cut` its links are reset the moment that fault is met."""
        if "cut" not in acts:
            yield {}
            return
        over = threading.Event()
        with ProxyThread(self.sshd.port) as proxy:
            watch = threading.Thread(target=self._cut_when_met, args=(proxy, over))
            watch.start()
            try:
                yield self.over(proxy.port)
            finally:
                over.set()
                watch.join()

    def _cut_when_met(self, proxy: ProxyThread, over: threading.Event) -> None:
        met = self.root / "fault.met"
        while not over.wait(0.005):
            if met.exists() and json.loads(met.read_text())["act"] == "cut":
                proxy.cut()
                (self.root / "fault.cut").touch()
                return

    def settle(self) -> None:
        """Wait until nobody holds the lease and nothing of ours runs."""
        until(lambda: Lease(self.layout).holder() is None and not ours(self), 60)

    def wake(self) -> None:
        """Continue what a fault has stopped."""
        for pid in strays(self.path):
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "T":
                os.kill(pid, signal.SIGCONT)


@dataclass
class Before:
    """What a fault must not touch, as it was."""

    dotenv: str
    rows: int

    @classmethod
    def of(cls, site: Site) -> Before:
        """Now."""
        return cls(digest(site.layout.dotenv), rows(site))


def digest(file: Path) -> str:
    """Its SHA-256."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def rows(site: Site) -> int:
    """The rows of the app's database that a person would miss."""
    with sqlite3.connect(site.database) as database:
        return int(database.execute('SELECT count(*) FROM "Video"').fetchone()[0])


def fold(site: Site) -> State:
    """What the journal amounts to."""
    state = State()
    for entry in site.journal():
        state.apply(entry)
    return state


def check_invariants(site: Site, before: Before, seen: Figures, *runs: Run) -> list[str]:
    """The points of DESIGN 9 that do not hold, each in a sentence; the ninth is the caller's: the same command again.

    `seen` is what clients met since `before`; `runs` are commands that have ended.
    """
    return [
        *_clients(site, seen),
        *_releases(site),
        *_agreement(site),
        *_tokens(site),
        *_shown(site, runs),
        *_untouched(site, before),
        *_leftovers(site),
        *_secrets(site, runs),
    ]


def _clients(site: Site, seen: Figures) -> Iterator[str]:
    if seen.failed:
        yield f"1: {seen.failed} of {seen.requests} requests failed: {dict(seen.reasons)}"
    blessed = {entry["release"] for entry in site.journal() if entry["type"] == "activation.switched"}
    if strange := set(seen.releases) - blessed:
        yield f"1: answers of {strange}, which were never activated"


def _releases(site: Site) -> Iterator[str]:
    state, store, layers = fold(site), Store(site.layout), set[str]()
    if site.current() is None:
        yield "2: `current` leads to no release"
    for name, record in state.releases.items():
        folder = site.layout.release(name)
        if record["state"] != "blessed":
            continue
        if hurt := store.verify(store.manifest(record["manifest"]), folder, IGNORE):
            yield f"2: {name}: {hurt[:3]}"
        layers.add(str(record.get("dependencies")))
    for layer in layers & set(state.layers):
        yield from _layer(store, store.manifest(state.layers[layer]), site.layout.layer(layer))


def _layer(store: Store, manifest: Any, folder: Path) -> Iterator[str]:
    """15,000 files: they are read again once one of them was written since."""
    look = _look(folder)
    if LOOKED.get(folder) == look:
        return
    if hurt := store.verify(manifest, folder, SCRATCH):
        yield f"2: {folder.name}: {hurt[:3]}"
    else:
        LOOKED[folder] = look


def _look(folder: Path) -> int:
    """Every path with its inode, size, mode and time of change, as one number."""
    paths = (f"{where}/{name}" for where, down, names in os.walk(folder) for name in [*down, *names])
    seen = ((path, os.lstat(path)) for path in paths)
    return hash(tuple((path, at.st_ino, at.st_size, at.st_mode, at.st_mtime_ns) for path, at in seen))


def _agreement(site: Site) -> Iterator[str]:
    state, current, answers = fold(site), site.current(), site.serving()
    if answers == {current} == {state.serving}:
        return
    if not site.turnout("status", "--json").json["hosts"][0]["needs_a_look"]:
        yield f"3: current {current}, journal {state.serving}, answers {answers}, and the status says nothing"


def _tokens(site: Site) -> Iterator[str]:
    newest = 0
    for entry in site.journal():
        if 0 < entry["token"] < newest:
            yield f"4: entry {entry['seq']} was written with token {entry['token']} after {newest}"
        newest = max(newest, entry["token"])


def _shown(site: Site, runs: tuple[Run, ...]) -> Iterator[str]:
    blessed = {entry["release"] for entry in site.journal() if entry["type"] == "release.blessed"}
    for event in (event for run in runs for event in events(run.out)):
        shown = event["type"] == "deployment.finished" and event["result"] == "succeeded"
        if shown and event["release"] not in blessed:
            yield f"5: {event['release']} was shown as done and is not in the journal"


def _untouched(site: Site, before: Before) -> Iterator[str]:
    if digest(site.layout.dotenv) != before.dotenv:
        yield "6: shared/.env was changed"
    if rows(site) < before.rows:
        yield f"6: the database had {before.rows} rows and has {rows(site)}"
    with sqlite3.connect(site.database) as database:
        for name, begun, finished in database.execute(APPLIED):
            yield f"6: {name} was begun {begun} times and finished {finished} times"


def _leftovers(site: Site) -> Iterator[str]:
    state = fold(site)
    if Lease(site.layout).holder() is not None:
        yield "7: the lease is held"
    if pids := [*ours(site), *children(site)]:
        yield f"7: processes {pids}"
    if left := sorted(path.name for path in site.layout.tmp.iterdir()):
        yield f"7: in tmp: {left}"
    if state.open is not None:
        yield f"7: the activation of {state.open['release']} is open"
    for folder in site.layout.releases.iterdir():
        if state.releases.get(folder.name, {}).get("state") != "blessed":
            yield f"7: {folder.name} is {state.releases.get(folder.name, {}).get('state')}"


def _secrets(site: Site, runs: tuple[Run, ...]) -> Iterator[str]:
    secret = API_KEY.encode()
    for run in runs:
        if secret in (run.out + run.err).encode():
            yield f"8: the secret is in the output of {run.arguments}"
    own = site.layout.own
    for file in [own / "journal.jsonl", own / "notes.jsonl", own / "pointsman.log", own / "boot.json"]:
        if file.exists() and secret in file.read_bytes():
            yield f"8: the secret is in {file.name}"
    for pid in strays(site.path):
        if secret in _words(pid):
            yield f"8: the secret is in the arguments of {pid}"


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def events(out: str) -> list[dict[str, Any]]:
    """The whole lines of a `--json` run that may have been killed while it wrote."""
    found = []
    for line in out.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
