"""A host that the old workflow deployed (a real `current/`, real `backups/`, its own PM2): what adopting it would do.

Looks only; `calls/adopting.py` does it. Its `current` becomes a release as it is, writable and outside the store.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from turnout_host import dotenv, proc, releases, relocate, switch
from turnout_host.layout import Layout
from turnout_host.serving import Serving
from turnout_host.state import Record, State
from turnout_host.survey import Finding, finding
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
        settings, health = dict(args.get("processes") or {}), dict(args.get("health") or {})
        self.serving = Serving(layout, self.folder, settings, health)

    def look(self) -> Dict[str, Any]:
        """What would happen, and what is in the way."""
        moves, found = self.moves(), self._unexplained()
        self._movable_folder()
        self._outward(self.folder)
        self._dotenv()
        self.findings += self.serving.findings()
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
                for one in self.serving.processes()
            ],
            "reload": self._why_reload(data),
            "findings": sorted(self.findings, key=lambda one: not one["fatal"]),
        }

    def record(self) -> Record:
        """What the journal is to know of the release, as of one that Turnout made."""
        path, answer = str(self.serving.toolchain.env()["PATH"]), self.serving.answer
        said = (answer.body or {}).get("release") if answer else None
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
            "toolchain": {"node": None, "pm2": None, "path": path, "pm2_home": self.serving.home},
            "processes": self.serving.settings,
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
                    self._outward(move.old)
        return found

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
            why = f"current/ belongs to user {self.folder.stat().st_uid}, and cannot be moved by this one"
            remedy = f"on the host: sudo chown -R $(id -un) {self.folder}"
            self._find("current", self.folder, why, remedy)

    def _outward(self, folder: Path) -> None:
        """A `.env -> ../.env` would lead nowhere from releases/v1, for the processes that run, too."""
        for link in list(relocate.outward(folder))[:SHOWN]:
            name, target = (
                link.relative_to(self.folder),
                os.path.join(str(link.parent), os.readlink(str(link))),
            )
            why = f"current/{name} is a relative link that leads out of {folder.name}/, which moves"
            self._find(
                "link", link, why, f"make it an absolute one: ln -sfn {os.path.normpath(target)} {link}"
            )

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
        try:
            found = unexplained(str(self.folder), rules)
        except PermissionError as error:
            where = str(error.filename or self.folder)
            self._find("current", where, f"{where} cannot be read by this user", "let this user read it")
            return []
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

    def _backups(self) -> List[str]:
        found = [one for one in self._layout.backups.iterdir() if one.is_dir() and not one.is_symlink()]
        return sorted(one.name for one in found)

    def _why_reload(self, data: List[str]) -> str:
        """Why processes are reloaded, "" when they go on untouched."""
        reasons: List[str] = []
        stale = self.serving.stale()
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
