"""One quick look for `monit`, every second if need be: processes, how fast each answers, how busy the host is."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Optional, Set

from turnout_host import apps, disk
from turnout_host.errors import HostError
from turnout_host.layout import Layout
from turnout_host.probe import Answer
from turnout_host.state import State
from turnout_host.status import ROUNDS
from turnout_host.survey import running


class Sampler:
    """Keeps what it takes to ask the running release: to read PM2's file each time would start a Node each time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._facts: Optional[apps.Facts] = None

    def look(self, state: State, asked: Dict[str, Any]) -> Dict[str, Any]:
        """The object of docs/json.md."""
        name, problem = running(self._layout), ""
        try:
            facts = self._of(state, name, asked) if name else None
            processes = facts.pm2.processes() if facts else []
        except HostError as error:
            facts, processes, problem = None, [], error.message
        pids = {process.pid for process in processes if process.pid}
        answers = _answers(facts, pids) if facts else []
        by_pid = {str((answer.body or {}).get("pid")): answer for answer in answers}
        bad = next((answer.reason for answer in answers if not answer.ok), "")
        return {
            "ts": round(time.time(), 3),
            "release": name,
            "ok": bool(answers) and not bad,
            "reason": problem or bad or ("" if name else "nothing is deployed here"),
            "seconds": answers[0].seconds if answers else None,
            "processes": [
                {
                    "name": process.name,
                    "id": process.id,
                    "pid": process.pid,
                    "status": process.status,
                    "cpu": process.cpu,
                    "memory": process.memory,
                    "restarts": process.restarts,
                    "uptime": process.uptime,
                    "seconds": by_pid[str(process.pid)].seconds if str(process.pid) in by_pid else None,
                }
                for process in processes
            ],
            "machine": machine(self._layout),
        }

    def _of(self, state: State, name: str, asked: Dict[str, Any]) -> apps.Facts:
        if self._facts is None or self._facts.names[0] != name:
            self._facts = apps.facts(self._layout, state, name, dict(asked, release=name))
        return self._facts


def _answers(facts: apps.Facts, pids: Set[int]) -> List[Answer]:
    """Until every worker was heard (a cluster deals connections out in turn); one is enough where no body has a pid."""
    answers: List[Answer] = []
    heard: Set[Any] = set()
    for _ in range(ROUNDS):
        answer = facts.probe.ask()
        answers.append(answer)
        heard.add((answer.body or {}).get("pid"))
        if not answer.ok or None in heard or pids <= heard:
            break
    return answers


def machine(layout: Layout) -> Dict[str, Any]:
    """How busy the host is: load of the last minute, processors, and bytes of memory and of the app's disk."""
    space = disk.space(layout.own)
    memory: Dict[str, int] = {}
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                key, _, value = line.partition(":")
                memory[key] = int(value.split()[0]) * 1024
    except (OSError, ValueError):
        pass
    return {
        "load": round(os.getloadavg()[0], 2),
        "cpus": os.cpu_count() or 1,
        "memory": {"total": memory.get("MemTotal"), "available": memory.get("MemAvailable")},
        "disk": {"total": int(space["total"]), "free": int(space["free"])},
    }
