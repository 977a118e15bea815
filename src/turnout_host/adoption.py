"""A host that the old workflow deployed (a real `current/`, real `backups/`, its own PM2): what adopting it would do.

Looks only; `calls/adopting.py` does it. Its `current` becomes a release as it is, writable and outside the store.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from turnout_host import apps, dotenv, facts, proc, releases, relocate, switch
from turnout_host.errors import HostError
from turnout_host.layout import Layout
from turnout_host.probe import Answer, Probe
from turnout_host.processes import wrapper
from turnout_host.processes.listing import Listing, Process, parsed
from turnout_host.processes.pm2 import PM2
from turnout_host.processes.rpc import RpcError
from turnout_host.state import Record, State
from turnout_host.survey import Finding, finding
from turnout_host.toolchain import Toolchain
from turnout_host.unexplained import Found, Rules, siblings, unexplained

SUBJECT = "what the old workflow deployed"
SHOWN = 10
"""Unexplained files that are named."""
QUIET = ("logs",)
"""Moves that no process notices: PM2 keeps its files open. Behind all others processes are reloaded."""


class Move(NamedTuple):
    """A name of [release] shared that lies in `current/` and goes to `shared/`."""

    name: str
    old: Path
    new: Path


def adopting(state: State) -> Optional[str]:
    """The release of an adoption that was begun and has not ended, else None."""
    return next((name for name, one in state.releases.items() if one["state"] == "adopting"), None)


def needed(layout: Layout, state: State) -> bool:
    """Is there something to adopt: a real folder, or an adoption that was interrupted?"""
    begun = adopting(state)
    ours = begun is not None and layout.name_of(switch.target(layout)) == begun
    gone = begun is not None and switch.kind(layout) == "missing" and layout.release(begun).is_dir()
    return switch.kind(layout) == "folder" or ours or gone


class Adoption:
    """One look at such a host. `args` are those of the call `adoption` (docs/protocol.md)."""

    def __init__(self, layout: Layout, state: State, args: Dict[str, Any], number: int) -> None:
        self._layout, self._state, self._args = layout, state, args
        self.release = adopting(state) or f"v{number}"
        self.findings: List[Finding] = []
        self.folder = layout.current if switch.target(layout) else layout.release(self.release)
        self.settings, self.health = dict(args.get("processes") or {}), dict(args.get("health") or {})
        self.home = facts.pm2_home()
        self._listing = Listing(layout, self.home)
        self.toolchain = Toolchain(layout, None, None, self._path())
        self.answer: Optional[Answer] = None

    def look(self) -> Dict[str, Any]:
        """What would happen, and what is in the way."""
        moves, found, running = self.moves(), self._unexplained(), self.processes()
        self._movable_folder()
        self._dotenv()
        self._running(running)
        stale = [process for process in running if self.is_stale(process)]
        shared = releases.shared_names(list(self._args.get("shared") or []))
        named = [move.name for move in moves if move.name in shared]
        data = [name for name in named if name not in QUIET]
        return {
            "needed": needed(self._layout, self._state),
            "interrupted": adopting(self._state) is not None,
            "release": self.release,
            "dotenv": self.dotenv(),
            "moves": named,
            "unexplained": [one._asdict() for one in found[:SHOWN]],
            "backups": self._backups(),
            "processes": [
                {"name": one.name, "pid": one.pid, "mode": one.mode, "folder": proc.cwd(one.pid or 0)}
                for one in running
            ],
            "reload": self._why_reload(stale, data),
            "findings": sorted(self.findings, key=lambda one: not one["fatal"]),
        }

    def record(self) -> Record:
        """What the journal is to know of the release, as of one that Turnout made."""
        path = str(self.toolchain.env()["PATH"])
        said = (self.answer.body or {}).get("release") if self.answer else None
        return {
            "adopted": True,
            "manifest": None,
            "artifact": None,
            "revision": None,
            "subject": SUBJECT,
            "shared": list(self._args.get("shared") or []),
            "release_id": str(said)[:80] if said is not None else self.release,
            "dotenv": {
                "base_digest": self.dotenv()["digest"],
                "keys": self.dotenv()["keys"],
                "taken_over": [],
            },
            "dependencies": None,
            "toolchain": {"node": None, "pm2": None, "path": path, "pm2_home": self.home},
            "processes": self.settings,
            "health": dict(self._args.get("health") or {}),
            "migrations": releases.migrations(self.folder),
        }

    def moves(self) -> List[Move]:
        """What is to be moved and is not yet; what SQLite keeps beside a file goes before the file."""
        found = []
        for name in releases.shared_names(list(self._args.get("shared") or [])):
            beside = siblings([name]) if (self.folder / name).is_file() else []
            for one in [*beside, name]:
                move = Move(one, self.folder / one, self._layout.shared / one)
                if os.path.lexists(str(move.old)) and not relocate.leads(move.old, move.new):
                    found.append(move)
                    self._movable(move)
        return found

    def processes(self) -> List[Process]:
        """What PM2 runs from this app's folder."""
        try:
            return [parsed(raw) for raw in self._listing.all() if self._listing.ours(raw)]
        except RpcError:
            return []

    def is_stale(self, process: Process) -> bool:
        """Does it work elsewhere than in what becomes the release: in a backup, or in a folder that is gone?"""
        where, here = proc.cwd(process.pid or 0) or "", os.path.realpath(str(self.folder))
        return where != here and not where.startswith(here + "/")

    def dotenv(self) -> Dict[str, Any]:
        """Digest and key names of the dotenv that the environment gets."""
        data = _read(self.folder / ".env")
        if data is None:
            data = _read(self._layout.dotenv)
        if data is None:
            return {"exists": False, "digest": None, "keys": []}
        return {
            "exists": True,
            "digest": dotenv.digest(data),
            "keys": sorted(dotenv.parse(data.decode("utf-8", "replace"))),
        }

    def _path(self) -> str:
        """PATH of the login shell behind the folder of the daemon's Node: where a version manager has PM2, too."""
        daemon, path = self._listing.daemon(), facts.shell_env().get("PATH", "")
        try:
            own = os.path.dirname(os.readlink(f"/proc/{daemon}/exe")) if daemon else ""
        except OSError:
            own = ""
        return os.pathsep.join(filter(None, (own, path)))

    def _find(self, what: str, where: Any, why: str, *remedy: str, fatal: bool = True) -> None:
        self.findings.append(finding(what, str(where), why, list(remedy), fatal))

    def _movable_folder(self) -> None:
        """Renaming takes the right to write the folder itself, and one file system for both places."""
        if self.folder.stat().st_dev != self._layout.releases.stat().st_dev:
            self._find(
                "current",
                self.folder,
                "current/ is a file system of its own",
                "unmount it, with its files kept",
            )
        elif not os.access(str(self.folder), os.W_OK):
            why = f"current/ belongs to {self.folder.owner()}, and cannot be moved by this user"
            remedy = f"on the host: sudo chown -R $(id -un) {self.folder}"
            self._find("current", self.folder, why, remedy)

    def _movable(self, move: Move) -> None:
        if move.old.is_symlink() and not os.readlink(str(move.old)).startswith("/"):
            self._find(
                "shared", move.old, f"current/{move.name} is a relative link", "make it an absolute one"
            )
        elif not relocate.free(move.old, move.new):
            why = f"current/{move.name} and shared/{move.name} are both there"
            self._find(
                "shared", move.new, why, f"see which one counts, then move the other away: ls -la {move.new}"
            )

    def _unexplained(self) -> List[Found]:
        known = frozenset(str(one) for one in self._args.get("known") or [])
        rules = Rules(
            known,
            [str(one) for one in self._args.get("include") or []],
            releases.shared_names(list(self._args.get("shared") or [])),
            [str(one) for one in self._args.get("ignore") or []],
        )
        found = unexplained(str(self.folder), rules)
        if found:
            names = ", ".join(one.path for one in found[:SHOWN])
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            shared = [*(self._args.get("shared") or []), *(one.path.rstrip("/") for one in found[:SHOWN])]
            quoted = ", ".join(f'"{one}"' for one in shared)
            ignored = ", ".join(f'"{one.path.rstrip("/")}"' for one in found[:SHOWN])
            self._find(
                "unexplained",
                self.folder,
                f"current/ holds what no release would have: {names}{more}",
                f"data that all releases need: shared = [{quoted}] in [release] of turnout.toml",
                f"what may stay behind: adopt_ignore = [{ignored}] there",
            )
        return found

    def _dotenv(self) -> None:
        mine, shared = _read(self.folder / ".env"), _read(self._layout.dotenv)
        if mine is None and shared is None:
            self._find(
                "dotenv",
                self._layout.dotenv,
                "there is no .env, neither in current/ nor in shared/",
                f"scp .env {{host}}:{self._layout.dotenv}",
            )
        elif mine is not None and shared is not None and dotenv.digest(mine) != dotenv.digest(shared):
            here, there = self.folder / ".env", self._layout.dotenv
            self._find(
                "dotenv",
                there,
                "current/.env and shared/.env differ",
                f"keep current/.env: cp {here} {there}",
                f"keep shared/.env: cp {there} {here}",
            )

    def _running(self, running: List[Process]) -> None:
        name = str(self.settings.get("app"))
        if not any(process.name == name and process.status == "online" for process in running):
            self._find(
                "processes",
                "PM2",
                f"PM2 runs no {name} from {self._layout.path}: what does not serve cannot be proved",
                f"start it as before: cd {self.folder} && pm2 start {self.settings.get('config')} --env "
                f"{self.settings.get('process_env')}",
                f"or begin anew: mv {self._layout.current} {self._layout.current}-by-hand, then turnout deploy",
            )
            return
        try:
            self._serving(running)
        except HostError as error:
            remedy = [str(line) for line in error.detail.get("remedy") or []]
            self._find("processes", error.detail.get("where") or self.folder, error.message, *remedy)

    def _serving(self, running: List[Process]) -> None:
        """It listens where a release would, and answers well; else a later release would listen elsewhere."""
        self._told_twice()
        self.health["port"] = port = self.port()
        ours = {process.pid for process in running} | {self._listing.daemon()}
        if not ours & set(proc.owners(port)):
            key = self.health.get("port_env")
            self._find(
                "port",
                f"port {port}",
                f"the app does not listen on port {port}, which a release would get",
                f"PM2's file or its stored environment may say another: write the real {key} into {self.folder}/.env",
                "or set `port` in [health] of turnout.toml",
            )
            return
        self.answer = Probe(port, str(self.health["path"]), float(self.health["timeout"])).ask()
        if not self.answer.ok:
            why = f"it does not answer well on {self.health['path']}: {self.answer.reason}"
            self._find(
                "health", f"port {port}", why, "mend that first", "or set `path` in [health] of turnout.toml"
            )

    def _told_twice(self) -> None:
        """PM2's file beat the .env until now; in a release the .env wins (DESIGN 7)."""
        app = apps.app_of(
            wrapper.apps(self.toolchain, self.folder, self.settings), str(self.settings.get("app"))
        )
        values, env = apps.values_of(self.folder), app["turnout"]["env"]
        differ = sorted(key for key in values if env.get(key, values[key]) != values[key])
        if differ:
            why = f"PM2's file and the .env differ in {', '.join(differ)}: from now on the .env counts"
            self._find("dotenv", self.folder / ".env", why, fatal=False)

    def port(self) -> int:
        """The port that it should serve on by Turnout's rules."""
        if self.health.get("port"):
            return int(self.health["port"])
        values = apps.values_of(self.folder)
        return apps.port(self.toolchain, self.folder, self.settings, values, str(self.health["port_env"]))

    def pm2(self) -> PM2:
        """PM2 as this app uses it."""
        return PM2(self._layout, self.settings, self.toolchain, self.home)

    def _backups(self) -> List[str]:
        found = [one for one in self._layout.backups.iterdir() if one.is_dir() and not one.is_symlink()]
        return sorted(one.name for one in found)

    def _why_reload(self, stale: List[Process], data: List[str]) -> str:
        """Why processes are reloaded, "" when they go on untouched."""
        reasons: List[str] = []
        if stale:
            where = proc.cwd(stale[0].pid or 0) or "a folder that is gone"
            reasons.append(f"process {stale[0].pid} works in {where}")
        if data:
            reasons.append(f"{', '.join(data)} moves")
        if (self._state.releases.get(self.release) or {}).get("reload") and not reasons:
            reasons.append("an adoption was interrupted")
        return "; ".join(reasons)


def _read(path: Path) -> Optional[bytes]:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
