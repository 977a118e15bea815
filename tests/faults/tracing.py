"""The file calls of one thread, as `strace` sees them, and a fault at one of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, Self

TRACED = (
    "/^(open|creat|rename|link|unlink|symlink|mkdir|rmdir|fsync|fdatasync|syncfs|ftruncate|fallocate|f?chmod"
    "|utimensat|p?write|copy_file_range|sendfile)"
)
"""Calls that may change a file; of these `Call.changes` tells which did."""
_LINE = re.compile(r"(\w+)\((.*)")
PATIENCE = 60.0
"""Seconds that a traced process may take to end."""


class Call(NamedTuple):
    """The `k`-th call of this name, with its arguments as strace shows them."""

    name: str
    k: int
    text: str

    @property
    def changes(self) -> bool:
        """Is it a change of a file? Not a read, nor words to a pipe or a device."""
        if self.name.startswith("open"):
            return "O_CREAT" in self.text or "O_TMPFILE" in self.text
        if "write" in self.name or self.name == "sendfile":
            return re.match(r"\w+\(\d+</(?!dev/(?:null|tty|pts))", self.text) is not None
        return True


class Trace:
    """Follows one thread, by its id, until it ends; `fault` (such as `error=EIO`) is injected at `at`."""

    def __init__(self, thread: int, log: Path, fault: str = "", at: Call | None = None) -> None:
        self._log = log
        inject = ["-e", f"inject={at.name}:{fault}:when={at.k}"] if at else []
        words = [
            "strace",
            "-p",
            str(thread),
            "-y",
            "-s",
            "160",
            "-e",
            f"trace={TRACED}",
            "-o",
            str(log),
            *inject,
        ]
        self._process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        assert self._process.stderr
        said = self._process.stderr.readline()
        assert "attached" in said, said
        return self

    def __exit__(self, *_: object) -> None:
        """The traced thread ends by itself; where it does not, strace lets go of it."""
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait()
        assert self._process.stderr
        self._process.stderr.close()

    @property
    def calls(self) -> list[Call]:
        """All calls that may change a file, in order."""
        counts: dict[str, int] = {}
        found = []
        for line in self._log.read_text(errors="replace").splitlines():
            match = _LINE.match(line)
            if match:
                name = match.group(1)
                counts[name] = counts.get(name, 0) + 1
                found.append(Call(name, counts[name], line))
        return found

    @property
    def met(self) -> Call | None:
        """The call at which the fault was injected, if it came to that."""
        if "+++ killed by SIGKILL" in self._log.read_text(errors="replace"):
            return self.calls[-1]
        return next((call for call in self.calls if call.text.endswith("(INJECTED)")), None)


def unusable() -> str:
    """Why strace cannot be used here; "" where it can."""
    target = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with Trace(target.pid, Path(os.devnull)):
            target.kill()
    except (OSError, AssertionError) as error:
        return f"strace cannot be used here: {error}"
    finally:
        target.kill()
        target.communicate()
    return ""


def worker(pid: int) -> int:
    """The thread of the host program that carries requests out: the one that is not its reader."""
    (thread,) = {int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()} - {pid}
    return thread


def stopped(pid: int) -> bool:
    """Was it stopped by a signal?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def go_on(pid: int) -> None:
    """Continue it."""
    os.kill(pid, signal.SIGCONT)
