"""Places where a test makes this program die, stall or fail (tests/faults). Outside of tests they do nothing.

A point is `ROLE:WORK:PLACE`. Roles: `host`, `pointsman`, `parent` (the pointsman's) and `boot`. Work: a call, a part
of the switch, the parent's `worker`, or a journal entry's type. Places: `enter`, `middle` (the first durable act in it)
and `exit`; of an entry, `before` and `after`. TURNOUT_FAULTS in the login's environment names a file with one JSON
object, `{"point": …, "act": "kill" | "stop" | "fail" | "delay" | "cut", "seconds": …, "then": …}`. The file is taken
away when it is met: a fault happens once, whatever is started again; `then` is another one, laid in its place. The act
`record` stays, and adds every point that anybody comes to, to FILE.points.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from typing import Any, Dict, Optional

ROLES = {"serve": "host", "pointsman": "parent", "pointsman-worker": "pointsman", "boot": "boot"}

PATIENCE = 10.0
"""Seconds that a cut link is waited for."""

_file: Optional[str] = os.environ.get("TURNOUT_FAULTS")
_work = ""


def begin(work: str) -> None:
    """A call begins: `middle` is the first durable thing that it does."""
    global _work
    _work = work
    at(work, "enter")


def middle() -> None:
    """Something durable is about to be done, or a program to be started."""
    if _file and _work:
        at(_work, "middle")


def at(work: str, place: str) -> None:
    """Meet the fault that was laid for this point, if one was."""
    if _file:
        _meet(_file, f"{ROLES.get(([*sys.argv, ''])[1], 'host')}:{work}:{place}")


def _meet(file: str, point: str) -> None:
    try:
        with open(file, encoding="utf-8") as opened:
            fault = json.load(opened)
        if fault["act"] == "record":
            _record(file + ".points", point)
        if fault["point"] != point:
            return
        os.rename(file, file + ".met")
    except FileNotFoundError:
        return
    if "then" in fault:
        _lay(file, fault["then"])
    if fault["act"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault["act"] == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif fault["act"] == "delay":
        time.sleep(float(fault["seconds"]))
    elif fault["act"] == "cut":
        _cut(file + ".cut")
    else:
        raise OSError(errno.EIO, os.strerror(errno.EIO), point)


def _record(file: str, point: str) -> None:
    with open(file, "a", encoding="utf-8") as opened:
        opened.write(point + "\n")


def _lay(file: str, fault: Dict[str, Any]) -> None:
    with open(file + ".next", "w", encoding="utf-8") as opened:
        json.dump(fault, opened)
    os.rename(file + ".next", file)


def _cut(done: str) -> None:
    """The test sees that we are here, cuts the link, and says so."""
    until = time.monotonic() + PATIENCE
    while not os.path.exists(done) and time.monotonic() < until:
        time.sleep(0.005)
