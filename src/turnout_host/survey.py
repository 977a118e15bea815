"""Can this host take a release? Findings, each with where, why and a remedy; the fatal ones are refused with 23.

Nothing is changed here, and nothing is sent before it (DESIGN 3).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from turnout_host import apps, dotenv, facts, gap, proc, switch
from turnout_host.errors import StoreError, SurveyError
from turnout_host.layout import Layout
from turnout_host.processes.listing import Listing, parsed
from turnout_host.processes.pm2 import PM2
from turnout_host.processes.rpc import RpcError
from turnout_host.state import Record, State
from turnout_host.store import Store

Finding = Dict[str, Any]


def finding(what: str, where: str, why: str, remedy: List[str], fatal: bool = True) -> Finding:
    """One thing that was found; `what` is a short name for programs."""
    return {"what": what, "where": where, "why": why, "remedy": remedy, "fatal": fatal}


class Survey:
    """Looks at one host for one deployment."""

    def __init__(self, layout: Layout, state: State, store: Store, args: Dict[str, Any]) -> None:
        self._layout, self._state, self._store, self._args = layout, state, store, args
        self.running = running(layout)
        self.dotenv: Dict[str, Any] = {"exists": False, "digest": None, "keys": [], "taken_over": []}
        self.findings: List[Finding] = []
        self.gap_seconds = 0.0

    def look(self) -> Dict[str, Any]:
        """Everything that is to be found, worst first."""
        self._current()
        if switch.kind(self._layout) != "folder":  # whatever is in that one is for the adoption to say
            self._drift()
            self._dotenv()
            self._runtime()
            self._processes()
        self.findings.sort(key=lambda found: not found["fatal"])
        return {
            "findings": self.findings,
            "dotenv": self.dotenv,
            "running": self.running,
            "serving": self._state.serving,
            "gap_seconds": self.gap_seconds,
        }

    def _current(self) -> None:
        """`current` must be a link to a release that was blessed, or missing."""
        kind, where = switch.kind(self._layout), str(self._layout.current)
        if kind in ("folder", "other"):
            self.findings.append(
                finding(
                    "current",
                    where,
                    "drift: `current` is a real folder, put there by a hand or another tool, not Turnout's link",
                    [
                        *(["what the old workflow deployed: turnout host adopt"] if kind == "folder" else []),
                        f"look what it holds: ls -la {where}",
                        f"move it away, then deploy again: mv {where} {where}-by-hand",
                    ],
                )
            )
        elif self._state.releases.get(self.running or "", {}).get("state") == "adopting":
            why = f"the adoption of {self.running} was interrupted; the app serves on"
            self.findings.append(finding("current", where, why, ["turnout host adopt"]))
        elif kind == "link" and not known(self._state, self.running):
            self.findings.append(
                finding(
                    "current",
                    where,
                    f"drift: `current` leads to {switch.target(self._layout) or 'nothing'}, no blessed release",
                    [
                        f"see the releases: ls -l {self._layout.releases}",
                        f"lead it to a good one: ln -sfn {self._best()} {where}",
                    ],
                )
            )
        elif self.running != self._state.serving and self.running is not None:
            self.findings.append(
                finding(
                    "hand",
                    where,
                    f"a hand led `current` from {self._state.serving} to {self.running}: going on from there",
                    [],
                    False,
                )
            )

    def _best(self) -> str:
        name = self._state.below(None)
        return str(self._layout.release(name)) if name else "RELEASE"

    def _drift(self) -> None:
        """An edited file of the running release would be lost without a word by the next one."""
        record = self._state.releases.get(self.running or "")
        if not record or not record.get("manifest"):
            return
        folder = self._layout.release(str(self.running))
        ignore = (".env", "node_modules", *(record.get("shared") or []))
        try:
            listed = self._store.manifest(str(record["manifest"]))
        except StoreError as error:
            why = f"drift of {self.running} cannot be told: {error.message}"
            self.findings.append(finding("drift", str(folder), why, [], False))
            return
        changes = self._store.verify(listed, folder, ignore)
        if changes:
            self.findings.append(
                finding(
                    "drift",
                    str(folder),
                    f"drift: files of the running release were changed by hand: {'; '.join(changes[:10])}",
                    [
                        "bring the change into git and deploy that",
                        "or leave it behind: turnout deploy --accept-drift",
                    ],
                    not self._args.get("accept_drift"),
                )
            )

    def _dotenv(self) -> None:
        try:
            choice = dotenv.choose(self._layout, recorded(self._state, self.running))
        except SurveyError as error:
            where = str(error.detail.get("where") or self._layout.dotenv)
            self.findings.append(
                finding("dotenv", where, error.message, list(error.detail.get("remedy") or []))
            )
            return
        values = dotenv.parse(choice.base.decode("utf-8", "replace"))
        self.dotenv = {
            "exists": True,
            "digest": dotenv.digest(choice.base),
            "keys": sorted(values),
            "taken_over": choice.taken_over,
        }
        where, edit = str(self._layout.dotenv), f"edit it on the host: nano {self._layout.dotenv}"
        missing = dotenv.missing_keys(
            choice.base.decode("utf-8", "replace"), list(self._args.get("release_keys") or [])
        )
        if missing:
            self.findings.append(
                finding(
                    "dotenv",
                    where,
                    f"the .env lacks keys that .env.example names: {', '.join(missing)}",
                    [edit],
                )
            )
        relative = dotenv.relative_file_values(values, list(self._args.get("shared") or []))
        if relative:
            self.findings.append(
                finding(
                    "dotenv",
                    where,
                    f"a relative `file:` would give each release its own empty database: {', '.join(relative)}",
                    [f"{edit} and write an absolute path, such as file:{self._layout.shared}/app.db"],
                )
            )
        if choice.taken_over:
            why = f"current/.env was edited by hand and is taken over: {', '.join(choice.taken_over)}"
            self.findings.append(finding("dotenv", str(self._layout.current / ".env"), why, [], False))

    def _runtime(self) -> None:
        """Cluster workers run on the daemon's Node, whatever Node is in PATH (FACTS)."""
        daemon, wanted = facts.daemon(facts.pm2_home()), self._args.get("toolchain") or {}
        if not daemon or not wanted.get("node_version") or self._args.get("restart_pm2"):
            return
        differ = [
            f"{name} {daemon[key]} runs there, {wanted[key + '_version']} is wanted"
            for name, key in (("Node", "node"), ("PM2", "version"))
            if wanted.get(key + "_version") and daemon.get(key) and daemon[key] != wanted[key + "_version"]
        ]
        if differ:
            self.findings.append(
                finding(
                    "runtime",
                    f"PM2's daemon, pid {daemon['pid']}",
                    f"PM2's daemon must be restarted: {'; '.join(differ)}. All that it runs stops for about a second",
                    [
                        "turnout deploy --restart-pm2",
                        "or keep the runtime: set `node` in turnout.toml to what runs there",
                    ],
                )
            )

    def _processes(self) -> None:
        self._same_name_elsewhere()
        record = self._state.releases.get(self.running or "")
        if record and "toolchain" in record:
            pm2 = apps.facts(self._layout, self._state, str(self.running)).pm2
            self._held_values(pm2)
            self.gap_seconds = float(record.get("gap_seconds") or gap.USUAL) if gap.forked(pm2) else 0.0
        elif self.running is None:
            self._foreign_port()

    def _held_values(self, pm2: PM2) -> None:
        """What PM2 holds of a dotenv beats it for ever (FACTS). A reload clears an app's part, not the daemon's."""
        daemon = pm2.daemon()
        held = sorted(set(self.dotenv["keys"]) & proc.environ_keys(daemon)) if daemon else []
        if held:
            why = f"PM2's daemon holds values of the .env since it was started: {', '.join(held)}; they beat the .env"
            self.findings.append(finding("pm2-env", "PM2", why, ["turnout deploy --restart-pm2"], False))

    def _same_name_elsewhere(self) -> None:
        """PM2 knows apps by name only: one of the same name from another folder would be taken over."""
        listing, name = (
            Listing(self._layout, facts.pm2_home()),
            (self._args.get("processes") or {}).get("app"),
        )
        try:
            others = [raw for raw in listing.all() if raw.get("name") == name and not listing.ours(raw)]
        except RpcError:
            return
        if others:
            why = f"PM2 runs another {name} already, from {parsed(others[0]).cwd}"
            remedy = [
                "give one of them another name in its PM2 file",
                f"or, if it is a leftover: pm2 delete {name}",
            ]
            self.findings.append(finding("name", "PM2", why, remedy))

    def _foreign_port(self) -> None:
        """On a first deploy nothing of ours listens yet: whoever holds the port is a stranger, named, never killed."""
        port = (self._args.get("health") or {}).get("port") or _port(
            self._layout, str(self._args.get("port_env") or "PORT")
        )
        owner = proc.owner(int(port)) if port else None
        if owner and not self._ours(owner[0]):
            why = f"port {port} is taken by another process: pid {owner[0]}, {owner[1]}"
            self.findings.append(
                finding("port", f"port {port}", why, ["stop it, or give the app another PORT in its .env"])
            )

    def _ours(self, pid: int) -> bool:
        """Cluster workers share a socket that PM2's daemon holds, so its children count too."""
        inside = str(self._layout.path) + "/"
        return any((proc.cwd(one) or "").startswith(inside) for one in proc.family(pid))


def running(layout: Layout) -> Optional[str]:
    """The release that `current` leads to, if it is one."""
    return layout.name_of(switch.target(layout))


def known(state: State, name: Optional[str]) -> bool:
    """Was this release blessed once?"""
    return bool(name) and state.releases.get(str(name), {}).get("state") == "blessed"


def recorded(state: State, name: Optional[str]) -> Optional[Record]:
    """What the journal knows of a release's dotenv, for `dotenv.choose`."""
    record = state.releases.get(name or "")
    if not record or not record.get("dotenv"):
        return None
    return {"base_digest": record["dotenv"]["base_digest"], "release": name}


def _port(layout: Layout, key: str) -> Optional[str]:
    try:
        value = dotenv.parse(layout.dotenv.read_text(encoding="utf-8", errors="replace")).get(key, "")
    except OSError:
        return None
    return value if value.isdigit() else None


def space(store: Store, needed: int, files: int) -> None:
    """Refuse with figures when the contents and their folders would not fit, with a tenth and 64 MB to spare."""
    disk = store.disk()
    room, want = int(disk["free"]), int(needed * 1.1) + (64 << 20 if needed else 0)
    nodes, want_nodes = int(disk["inodes_free"]), files
    figures = {"needed": want, "free": room, "inodes_needed": want_nodes, "inodes_free": nodes}
    if want > room:
        raise SurveyError(
            f"not enough disk: {want / 1e6:,.1f} MB are needed, {room / 1e6:,.1f} MB are free",
            figures=figures,
            remedy=[
                "make room on the host: df -h; du -xsh ~/* | sort -h",
                "keep fewer releases: `keep` in [release] of turnout.toml",
            ],
        )
    if want_nodes > nodes:
        raise SurveyError(
            f"not enough inodes: {want_nodes:,} are needed, {nodes:,} are free",
            figures=figures,
            remedy=[
                "find folders with many small files on the host: df -i; du --inodes -x / | sort -n | tail"
            ],
        )
