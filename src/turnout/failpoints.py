"""Places where a test makes the deployer die, stall or fail (tests/faults). Outside of tests they do nothing.

A point is `deployer:STEP:PLACE` with `enter`, `middle` (its first question to a host or its first command) or `exit`.
rotate.py has its own. TURNOUT_FAULTS names a file as the host program's failpoints describe it; it is taken away when
it is met.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any

PATIENCE = 10.0
"""Seconds that a cut link is waited for."""

_file = os.environ.get("TURNOUT_FAULTS")
_step: ContextVar[str] = ContextVar("step", default="")


def begin(step: str) -> None:
    """A step begins, in this task."""
    _step.set(step)
    at(step, "enter")


def middle() -> None:
    """The step asks a host, or starts a command."""
    if _file and _step.get():
        at(_step.get(), "middle")


def at(step: str, place: str) -> None:
    """Meet the fault that was laid for this point, if one was."""
    if _file:
        _meet(Path(_file), f"deployer:{step}:{place}")


def _meet(file: Path, point: str) -> None:
    try:
        fault = json.loads(file.read_text())
        if fault["act"] == "record":
            _record(Path(f"{file}.points"), point)
        if fault["point"] != point:
            return
        file.rename(f"{file}.met")
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
        _cut(Path(f"{file}.cut"))
    else:
        raise OSError(errno.EIO, os.strerror(errno.EIO), point)


def _record(file: Path, point: str) -> None:
    with file.open("a") as opened:
        opened.write(f"{point}\n")


def _lay(file: Path, fault: dict[str, Any]) -> None:
    new = Path(f"{file}.next")
    new.write_text(json.dumps(fault))
    new.rename(file)


def _cut(done: Path) -> None:
    """The test sees that we are here, cuts the link, and says so."""
    until = time.monotonic() + PATIENCE
    while not done.exists() and time.monotonic() < until:
        time.sleep(0.005)
