"""What PM2's daemon says it runs. Nothing here starts a daemon, and no value of an environment leaves this file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set

from turnout_host import proc
from turnout_host.layout import Layout
from turnout_host.processes import rpc
from turnout_host.processes.inside import Workers

PATIENCE = 5.0
"""Seconds to wait for the daemon's list; usually it takes 1 ms (FACTS)."""

Raw = Dict[str, Any]


class Process(NamedTuple):
    """One process as PM2 lists it; `pid` is None between restarts, `uptime` is in seconds, `memory` in bytes."""

    name: str
    id: int
    pid: Optional[int]
    status: str
    cpu: float
    memory: int
    restarts: int
    uptime: float
    cwd: str
    mode: str
    script: str
    err_log: str


def parsed(raw: Raw) -> Process:
    """A `Process` from an entry of getMonitorData or jlist; what is missing there is empty here."""
    env, monit = raw.get("pm2_env") or {}, raw.get("monit") or {}
    status, pid = str(env.get("status") or "unknown"), int(raw.get("pid") or 0) or None
    return Process(
        name=str(raw.get("name")),
        id=int(raw.get("pm_id") or 0),
        pid=pid,
        status=status,
        cpu=float(monit.get("cpu") or 0),
        memory=int(monit.get("memory") or 0),
        restarts=int(env.get("restart_time") or 0),
        uptime=_uptime(pid) if pid and status == "online" else 0.0,
        cwd=str(env.get("pm_cwd") or ""),
        mode=str(env.get("exec_mode") or "").replace("_mode", ""),
        script=str(env.get("pm_exec_path") or ""),
        err_log=str(env.get("pm_err_log_path") or ""),
    )


def short(expected: Mapping[str, int], processes: Sequence[Process]) -> str:
    """What is missing of the processes that should run, in words; "" for nothing."""
    if not processes:
        return "PM2 runs no process of this app"
    names = [process.name for process in processes]
    for name, count in expected.items():
        if names.count(name) < count:
            return f"PM2 runs {names.count(name)} of {count} processes of {name}"
    return ""


def _uptime(pid: int) -> float:
    """By the kernel's clock: PM2's `pm_uptime` is of the wall clock, which may be set meanwhile."""
    started = proc.started(pid)
    return round(max(0.0, proc.now() - started), 1) if started else 0.0


def held(raw: Raw, keys: Iterable[str]) -> Set[str]:
    """Which of these names PM2 stores a value for: in `env`, or from earlier beside its own lower-case fields."""
    stored = raw.get("pm2_env") or {}
    own = stored.get("env") or {}
    return {key for key in keys if key in own or (key in stored and key != key.lower())}


class Listing:
    """PM2's daemon of one PM2_HOME, seen by one app."""

    def __init__(self, layout: Layout, home: str) -> None:
        self.socket = str(Path(home) / "rpc.sock")
        self.workers = Workers(layout)
        self._roots = {str(layout.path), os.path.realpath(str(layout.path))}

    def daemon(self) -> int:
        """The pid of the daemon that listens there, 0 when there is none."""
        return rpc.daemon_pid(self.socket)

    def all(self) -> List[Raw]:
        """Every process of the daemon. Raises RpcError when it does not answer."""
        found = rpc.call(self.socket, "getMonitorData", [{}], PATIENCE)
        return [entry for entry in found if isinstance(entry, dict)]

    def ours(self, raw: Raw) -> bool:
        """Does this process belong to this app? Another environment on this host may use the same name."""
        process = parsed(raw)
        return self.below(process.cwd) or self.below(process.script)

    def below(self, path: Optional[str], inside: bool = False) -> bool:
        """Is the path the app's folder (unless `inside`), or in it?"""
        if path is None:
            return False
        return any(path.startswith(root + "/") or (path == root and not inside) for root in self._roots)

    def unlisted(self) -> List[int]:
        """The daemon's workers of this app that it does not list: those that a reload is just replacing.

        `getFormatedProcesses` hides them (PM2 7.0.4, lib/God/Methods.js), the kernel does not.
        """
        daemon = self.daemon()
        # a worker begins in the daemon's folder, which may be the app's own
        workers = (
            [pid for pid in proc.children(daemon) if self.below(proc.cwd(pid), inside=True)] if daemon else []
        )
        if not workers:
            return []
        listed = {raw.get("pid") for raw in self.all()}
        return [pid for pid in workers if pid not in listed and proc.alive(pid)]
