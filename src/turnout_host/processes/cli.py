"""PM2's command line: for what changes something. PM2_HOME is set on every call, the environment is clean (FACTS)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

from turnout_host import children, proc
from turnout_host.errors import HostError
from turnout_host.layout import Layout
from turnout_host.processes.listing import Raw
from turnout_host.toolchain import Toolchain

SPARE = 60.0
"""Seconds that a command may take beyond what its workers may need."""

KEPT = 20
"""Lines that a message shows."""


class Cli:
    """Runs `pm2 …` for one app. Exit codes are not looked at: they say nothing (FACTS)."""

    def __init__(self, layout: Layout, settings: Dict[str, Any], toolchain: Toolchain, home: str) -> None:
        self._layout, self._settings, self._toolchain, self._home = layout, settings, toolchain, home

    def run(
        self,
        words: Sequence[str],
        timeout: float = SPARE,
        on_line: Optional[Callable[[str], None]] = None,
        without: Sequence[str] = (),
        stop: Optional[Callable[[], bool]] = None,
    ) -> List[str]:
        """What PM2 said of itself, its last lines. `without` names variables that PM2 must not see.

        The command is ended when `stop` says so. Raises HostError when it cannot be run, does not end within
        `timeout` seconds, or is ended by somebody else.
        """
        env = self.env(without)
        argv, said = [*self._toolchain.pm2, "--no-color", *words], []
        began = time.monotonic()

        def listen(line: str) -> None:
            # the table of all apps follows, which may be longer than any tail
            if line.startswith("[PM2") or "rror" in line:
                said.append(line)
            if on_line:
                on_line(line)

        try:
            # a daemon keeps the folder it was started in, so it must not be a release
            finished = children.run(argv, self._layout.path, env, listen, timeout=timeout, stop=stop)
        except OSError as error:
            raise HostError(f"PM2 could not be run: {error}") from error
        if finished.status < 0 and not (stop and stop()):
            late = time.monotonic() - began >= timeout
            how = f"did not end within {timeout:.0f} s" if late else f"was ended by signal {-finished.status}"
            raise HostError(f"pm2 {words[0]} {how}", tail=finished.tail[-KEPT:])
        return said[-KEPT:]

    def env(self, without: Sequence[str]) -> Dict[str, str]:
        """The environment of each command. PM2 gives it to what it starts or reloads, for ever."""
        keep = ("PATH", "HOME")
        env = {
            key: value for key, value in self._toolchain.env().items() if key not in without or key in keep
        }
        env["PM2_HOME"] = self._home
        return env

    def start_or_reload(
        self, timeout: float, without: Sequence[str], stop: Optional[Callable[[], bool]] = None
    ) -> List[str]:
        """Give PM2 our wrapper. It starts a daemon where none runs."""
        self._greeted()
        env = str(self._settings.get("process_env") or "")
        return self.run(
            ["startOrReload", str(self._layout.wrapper), *(["--env", env] if env else [])],
            timeout,
            without=without,
            stop=stop,
        )

    def end_left(self) -> bool:
        """Kill reloads to our wrapper by our PM2 that outlived who asked for them; False when there was none.

        Such a command goes on from worker to worker. Beside another reload it restarts each a second time, which looks
        like an app that dies.
        """
        words = {"startOrReload", str(self._layout.wrapper)}
        left = [
            pid
            for pid in proc.pids()
            if words <= set(proc.arguments(pid)) and proc.environ(pid).get("PM2_HOME") == self._home
        ]
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return bool(left)

    def resurrect(self, without: Sequence[str]) -> List[str]:
        """Start a daemon with all that the dump names."""
        self._greeted()
        return self.run(["resurrect"], without=without)

    def _greeted(self) -> None:
        """Without this file a new PM2_HOME makes PM2 print a banner and tell its maker of an installation."""
        Path(self._home).mkdir(parents=True, exist_ok=True)
        Path(self._home, "touch").touch()

    def delete(self, ids: Sequence[int]) -> None:
        """Stop these processes and take them out of the list."""
        if ids:
            drain = float(self._settings.get("drain_timeout") or 0)
            self.run(["delete", *(str(one) for one in ids)], SPARE + drain * len(ids))

    def jlist(self) -> List[Raw]:
        """The daemon's list, where its socket does not answer. Raises HostError when there is none."""
        lines: List[str] = []
        self.run(["jlist"], on_line=lines.append)
        for line in reversed(lines):
            try:
                found = json.loads(line) if line.startswith("[") else None
            except ValueError:
                continue  # "[PM2] …"
            if isinstance(found, list):
                return [entry for entry in found if isinstance(entry, dict)]
        raise HostError("PM2's daemon does not answer", remedy=["pm2 list", "pm2 update"])
