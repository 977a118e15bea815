"""What runs here now: one look at journal, `current`, PM2, the answers and the disk (DESIGN 7 `status --json`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Set

from turnout_host import apps, backups, boot, history, proc, switch
from turnout_host.drift import drift
from turnout_host.errors import HostError
from turnout_host.layout import Layout
from turnout_host.lease import Lease, public
from turnout_host.probe import Answer
from turnout_host.processes.listing import short
from turnout_host.state import State
from turnout_host.store import Store
from turnout_host.survey import known, running

ROUNDS = 12
"""Requests at most to hear from every worker; a cluster deals new connections out in turn."""


def status(layout: Layout, state: State, asked: Dict[str, Any]) -> Dict[str, Any]:
    """The whole object; `asked` may carry `processes` and `health` newer than the release's record."""
    result = health(layout, state, asked)
    lease = Lease(layout).holder()
    return dict(
        result,
        disk=disk(layout),
        backups=backups.listed(layout, state),
        drift=drift(layout, state),
        releases=[summary(one, result["release"]) for one in state.by_number()],
        deployments=history.rows(state.deployments, at_work(layout, state))[-5:],
        lease=public(lease) if lease else None,
        open=state.open,
        boot={"possible": boot.possible(), "installed": boot.installed(layout)},
    )


def at_work(layout: Layout, state: State) -> Optional[str]:
    """The deployment that is under way: the one whose switch is open, else the holder of the lease."""
    if state.open:
        return str(state.open["deployment"])
    return str((Lease(layout).holder() or {}).get("deployment"))


def health(layout: Layout, state: State, asked: Dict[str, Any]) -> Dict[str, Any]:
    """The quick part: which release, its processes, its answers, and what does not fit together."""
    name, folder = running(layout), switch.target(layout)
    record = state.releases.get(name or "") or {}
    result: Dict[str, Any] = {
        "current": str(folder) if folder else None,
        "release": name,
        "revision": record.get("revision"),
        "blessed": known(state, name),
        "since": record.get("since"),
        "by": record.get("by"),
        "state": record.get("state"),
        "processes": [],
        "health": {
            "ok": False,
            "status": None,
            "seconds": None,
            "reason": "nothing is deployed here",
            "url": None,
        },
    }
    missing = short({}, [])
    if "toolchain" in record:
        missing = _ask(layout, state, str(name), dict(asked, release=name), result)
    result["needs_a_look"] = [*_doubts(layout, state, result, missing), *_half_restored(state)]
    return result


def summary(record: Dict[str, Any], current: Optional[str]) -> Dict[str, Any]:
    """A release as people see it in a list."""
    keys = ("release", "state", "revision", "subject", "by", "ts", "since", "reason", "artifact", "applied")
    return dict(
        {key: record.get(key) for key in keys},
        pinned=record.get("pinned"),
        env=(record.get("dotenv") or {}).get("changed"),
        current=record["release"] == current,
        blessed=record["state"] == "blessed",
    )


def _ask(layout: Layout, state: State, name: str, asked: Dict[str, Any], result: Dict[str, Any]) -> str:
    """Fill in processes and health; what is missing of the processes that should run, "" for nothing."""
    try:
        facts = apps.facts(layout, state, name, asked)
        processes = facts.pm2.processes()
    except HostError as error:
        result["health"]["reason"] = error.message
        return short({}, [])
    answered: Dict[int, Optional[str]] = {}
    answers: List[Answer] = []
    pids = {process.pid for process in processes if process.pid}
    for _ in range(ROUNDS):
        answer = facts.probe.ask()
        answers.append(answer)
        body = answer.body or {}
        if isinstance(body.get("pid"), int):
            answered[body["pid"]] = _text(body.get("release"))
        if not answer.ok or not isinstance(body.get("pid"), int) or pids <= set(answered):
            break
    bad = [answer for answer in answers if not answer.ok]
    shown = bad[0] if bad else answers[-1]
    url = f"http://127.0.0.1:{facts.health['port']}{facts.health['path']}"
    result["health"] = {
        "ok": not bad,
        "status": shown.status,
        "seconds": shown.seconds,
        "reason": shown.reason,
        "url": url,
        "body": shown.body,
    }
    result["processes"] = [
        {
            "name": process.name,
            "pid": process.pid,
            "status": process.status,
            "cpu": process.cpu,
            "memory": process.memory,
            "restarts": process.restarts,
            "uptime": process.uptime,
            "release": answered.get(process.pid or 0) or layout.name_of(_cwd(process.pid)),
        }
        for process in processes
    ]
    return short(facts.pm2.expected(), processes)


def _text(value: Any) -> Optional[str]:
    return str(value)[:80] if value is not None else None


def _cwd(pid: Optional[int]) -> Optional[Path]:
    found = proc.cwd(pid) if pid else None
    return Path(found) if found else None


def _doubts(layout: Layout, state: State, result: Dict[str, Any], missing: str) -> List[str]:
    """Where journal, `current`, PM2 and answers disagree; as long as they do nobody may say "success"."""
    doubts, name = [], result["release"]
    if state.open is not None:
        doubts.append(f"the activation of {state.open['release']} has not ended")
    if switch.kind(layout) in ("folder", "other"):
        doubts.append("`current` is a real folder, not a link to a release")
    elif name != state.serving:
        doubts.append(
            f"a hand was here: `current` leads to {name or result['current']}, not to {state.serving}"
        )
    elif name and not result["blessed"]:
        doubts.append(f"{name} was never blessed")
    record = state.releases.get(name or "") or {}
    names: Set[Optional[str]] = {name, record.get("release_id")}
    for process in result["processes"]:
        if process["status"] == "online" and process["release"] not in names:
            doubts.append(
                f"process {process['pid']} runs {process['release'] or 'another folder'}, not {name}"
            )
        elif process["status"] != "online":
            doubts.append(f"process {process['name']} is {process['status']}")
    if name and missing:
        doubts.append(missing)
    if name and not result["health"]["ok"]:
        doubts.append(f"the health check fails: {result['health']['reason']}")
    return doubts


def _half_restored(state: State) -> List[str]:
    if state.restore is None:
        return []
    return [f"the restore of {state.restore['name']} did not end well: the database may be half restored"]


def disk(layout: Layout) -> Dict[str, int]:
    """Bytes: free and total of the disk, and what releases, store and layers take (a shared file counts once)."""
    seen: Set[int] = set()
    sizes = {name: _size(getattr(layout, name), seen) for name in ("layers", "releases", "store", "logs")}
    free = Store(layout).disk()
    return dict(sizes, free=int(free["free"]), total=int(free["total"]))


def _size(folder: Path, seen: Set[int]) -> int:
    total, stack = 0, [str(folder)]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    info = entry.stat(follow_symlinks=False)
                    if info.st_ino not in seen:
                        seen.add(info.st_ino)
                        total += info.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
        except OSError:
            continue
    return total
