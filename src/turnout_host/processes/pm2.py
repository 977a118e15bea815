"""PM2 makes the app's processes the new release; whether it did is for `proof.py` to say.

Its exit code and its green ticks are no evidence (FACTS), so nothing here claims success.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence

from turnout_host import disk, facts, failpoints
from turnout_host.errors import HostError, Unhealthy
from turnout_host.layout import Layout
from turnout_host.logs.rotate import rotate
from turnout_host.processes import drain, rpc, wrapper
from turnout_host.processes.cli import KEPT, SPARE, Cli
from turnout_host.processes.inside import Inside
from turnout_host.processes.listing import Listing, Process, Raw, parsed
from turnout_host.processes.reload import App, Note, Reload
from turnout_host.toolchain import Toolchain


class PM2:
    """One app's processes under the PM2 of `home`, its PM2_HOME."""

    def __init__(self, layout: Layout, settings: Dict[str, Any], toolchain: Toolchain, home: str) -> None:
        self._layout, self._settings, self._toolchain, self.home = layout, settings, toolchain, home
        self._listing, self._cli = Listing(layout, home), Cli(layout, settings, toolchain, home)
        self.workers = self._listing.workers

    # asking

    def daemon(self) -> int:
        """The pid of the daemon, 0 when there is none; asking never starts one."""
        return self._listing.daemon()

    def processes(self) -> List[Process]:
        """The processes of this app; [] without a daemon. Raises HostError when the daemon does not answer."""
        return [parsed(raw) for raw in self._raw() if self._listing.ours(raw)]

    def expected(self) -> Dict[str, int]:
        """Names that must be online since the last reload, and how many of each; {} before the first."""
        return {name: int(count) for name, count in (self._written().get("expected") or {}).items() if count}

    def main(self) -> str:
        """The name of the app that answers for health: ours, else the first of the file."""
        names, name = list(self.expected()), str(self._settings.get("app") or "")
        return name if name in names or not names else names[0]

    def leaving(self) -> float:
        """Seconds that an old worker may need to end, by the last reload."""
        return float(self._written().get("leaving") or 0)

    def unlisted(self) -> List[int]:
        """Pids of our workers that the daemon keeps but does not list: a reload that is not over."""
        try:
            return self._listing.unlisted()
        except rpc.RpcError:
            return []

    def insides(self) -> Dict[int, Inside]:
        """What the workers of the main app say of themselves, by pid; {} where none has our module."""
        pids = [one.pid for one in self.processes() if one.pid and one.name == self.main()]
        found = {pid: self.workers.ask(pid) for pid in pids}
        return {pid: inside for pid, inside in found.items() if inside}

    def tail(self) -> List[str]:
        """The last lines that the app wrote to its error logs since the last reload began."""
        marks: Dict[str, int] = self._written().get("logs") or {}
        lines: List[str] = []
        for path in self._error_logs():
            lines += _behind(path, int(marks.get(path, 0)))
        return lines[-KEPT:]

    # acting

    def reload(self, release: str, dotenv_keys: Sequence[str], boot_seconds: float, note: Note) -> None:
        """Start or reload the processes on what `current` leads to.

        Returns when the new ones should serve, whatever PM2 did; old ones may still drain. Raises HostError when PM2
        cannot be run, when the app's file cannot be read, or when another app of the same name runs from another
        folder; Unhealthy when a new worker dies while it boots or does not listen, which stops the reload before PM2
        ends all the old ones.
        """
        library = self._toolchain.pm2_library
        asked = (self._layout.current, self._settings, dotenv_keys, boot_seconds, library, self.home)
        apps = wrapper.apps(self._toolchain, *asked)
        if self._resurrect(dotenv_keys):
            note("no PM2 daemon ran: it is back with all that was saved")
        reload = Reload(self._cli, self._listing, self._raw, apps, note)
        reload.refuse_strangers()
        reload.settle()
        for name in rotate(self._layout.logs, **_limits(self._settings)):
            note(f"{name} was full: it is {name}.1 now")
        # what a hand started here was never ours to stop
        gone = set(self._written().get("expected") or {}) - {app["name"] for app in apps}
        self._write(apps, dotenv_keys, boot_seconds)
        reload.run(gone, dotenv_keys)
        if reload.stopped:
            reason = reload.stopped
            raise Unhealthy(f"the reload to {release} was stopped: {reason}", reason=reason, tail=self.tail())
        note(f"PM2 has started {release}")

    def delete(self) -> None:
        """Stop our apps and take them out of PM2's list."""
        names = self._written().get("expected") or {}
        self._cli.delete([process.id for process in self.processes() if process.name in names or not names])

    def save(self) -> None:
        """Write what PM2 should resurrect, as `pm2 save` (7.0.4, lib/API/Startup.js), but whole and durable (FACTS).

        Raises HostError when PM2 runs nothing, and OSError.
        """
        listed = [raw.get("pm2_env") or {} for raw in self._raw()]
        entries = [_lasting(env) for env in listed if env and not env.get("pmx_module")]
        if not entries:
            raise HostError("PM2 runs nothing that could be saved")
        dump = Path(os.path.realpath(os.path.join(self.home, "dump.pm2")))
        mode = 0o600
        if dump.exists():
            mode = dump.stat().st_mode & 0o777
            shutil.copy2(
                str(dump), os.path.join(self.home, "dump.pm2.bak")
            )  # PM2 takes it when the other is hurt
        # one name for each app, whose lease we have: a save after one that was killed takes its place
        new = dump.with_name(f"dump.pm2.{hashlib.sha256(str(self._layout.path).encode()).hexdigest()[:12]}")
        with new.open("w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            json.dump(entries, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        failpoints.middle()
        new.rename(dump)
        disk.sync_folder(dump.parent)

    def restart_daemon(self) -> None:
        """Replace the daemon by one of our Node and PM2 (`pm2 update`): all that it runs stops for about a second."""
        before = self.daemon()
        if not before:
            self._resurrect(self._written().get("dotenv_keys") or [])
            return
        tail = self._cli.run(["update"])
        if self.daemon() in (0, before):
            raise HostError("PM2's daemon could not be restarted", tail=tail)

    def start_after_boot(self) -> List[str]:
        """Bring back what PM2 saved, of other apps too, then see that ours run."""
        keys = [str(key) for key in self._written().get("dotenv_keys") or []]
        said = self._resurrect(keys)
        online = [process.name for process in self.processes() if process.status == "online"]
        if not online or any(online.count(name) < count for name, count in self.expected().items()):
            said += self._cli.start_or_reload(SPARE, without=keys)
        return said

    # the hands

    def _resurrect(self, without: Sequence[str]) -> List[str]:
        """Without a daemon only the dump knows of other apps, and a save by a fresh daemon would write over it."""
        saved = os.path.exists(os.path.join(self.home, "dump.pm2"))
        if (
            not saved or self.daemon() or facts.daemon(self.home)
        ):  # one that lost its socket still runs them all
            return []
        return self._cli.resurrect(without)

    def _raw(self) -> List[Raw]:
        if not self.daemon():
            return []
        try:
            return self._listing.all()
        except rpc.RpcError:
            return self._cli.jlist()

    def _write(self, apps: List[App], dotenv_keys: Sequence[str], boot_seconds: float) -> None:
        current = self._layout.current
        values = wrapper.settings_of(self._settings, self._toolchain, current, dotenv_keys, boot_seconds)
        values["expected"] = {
            app["name"]: app["turnout"]["instances"] * app["turnout"]["stays"] for app in apps
        }
        values["leaving"] = max(app["kill_timeout"] for app in apps) / 1000
        values["logs"] = {path: os.path.getsize(path) for path in self._error_logs()}
        if values["preload"]:
            drain.place(self._layout)
        wrapper.write(self._layout, values)

    def _written(self) -> Dict[str, Any]:
        try:
            found = json.loads(self._layout.settings.read_bytes().decode("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _error_logs(self) -> List[str]:
        """Real paths of the error logs that exist: those PM2 names, and the usual one."""
        named = {os.path.realpath(process.err_log) for process in self.processes() if process.err_log}
        named.add(os.path.realpath(str(self._layout.logs / "err.log")))
        return sorted(path for path in named if os.path.isfile(path))


def _lasting(env: Dict[str, Any]) -> Dict[str, Any]:
    passing = ("instances", "pm_id", "prev_restart_delay")
    return {key: value for key, value in env.items() if key not in passing}


def _limits(settings: Dict[str, Any]) -> Dict[str, int]:
    """[logs] of turnout.toml; a release of an older deployer has none, and then nothing is rotated."""
    asked = settings.get("logs") or {}
    return {"max_size": int(asked.get("max_size") or sys.maxsize), "keep": int(asked.get("keep") or 1)}


def _behind(path: str, mark: int) -> List[str]:
    """The last lines of a log behind `mark` bytes; of all of it when it became shorter meanwhile (a rotation)."""
    size = Path(path).stat().st_size
    start = mark if mark <= size else 0
    with open(path, "rb") as log:
        log.seek(max(start, size - 16384))
        return log.read().decode("utf-8", "replace").splitlines()[-KEPT:]
