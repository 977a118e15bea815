"""Runs the real `turnout` as a person or a CI would: a program with arguments, an environment, and two streams."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TURNOUT = Path(sys.executable).with_name("turnout")
LIMIT = 280
"""Seconds after which a command is ended; below pytest's own limit, so that its output is still shown."""


@dataclass(frozen=True)
class Run:
    """How one command ended, and what it wrote."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self) -> dict[str, Any]:
        """The one object of a `--json` that only looks."""
        (only,) = self.events
        return only

    @property
    def finished(self) -> dict[str, Any]:
        """`deployment.finished`, which must be the last event and the only one of its type."""
        ends = [event for event in self.events if event["type"] == "deployment.finished"]
        assert ends == self.events[-1:], self
        return ends[0]

    def step(self, name: str) -> dict[str, Any]:
        """How a step ended; {} when it never began."""
        found = [event for event in self.events if event["type"] == "step.finished" and event["step"] == name]
        return found[-1] if found else {}

    def __str__(self) -> str:
        return f"turnout {' '.join(self.arguments)} ended with {self.code}\n{self.out}\n{self.err}"

    __repr__ = __str__


class Turnout:
    """The program, with the folder and the environment that it is run in."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env

    def start(
        self, *arguments: str, stdin: str | None = None, group: bool = False, **env: str
    ) -> subprocess.Popen[str]:
        """Start it and leave it running; whoever asked ends it. With `stdin`, it waits for that from a pipe.

        With `group` it leads a process group of its own, as a shell or a CI's runner starts it.
        """
        return subprocess.Popen(
            [str(TURNOUT), *arguments],
            cwd=self.folder,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=group,
        )

    def run(self, *arguments: str, check: int | None = None, stdin: str | None = None, **env: str) -> Run:
        """Run it to its end, with `stdin` as its input; with `check` it must end with this exit code."""
        with self.start(*arguments, stdin=stdin, **env) as process:
            try:
                out, err = process.communicate(stdin, timeout=LIMIT)
            finally:
                process.kill()  # does nothing to one that has ended
        run = Run(arguments, process.returncode, out, err)
        assert check is None or run.code == check, run
        return run
