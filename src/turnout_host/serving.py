"""What serves on a host that the old workflow deployed: PM2's processes, where they work, whether they answer well."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Optional

from turnout_host import apps, facts, proc
from turnout_host.errors import HostError
from turnout_host.layout import Layout
from turnout_host.probe import Answer, Probe
from turnout_host.processes import wrapper
from turnout_host.processes.listing import Listing, Process, parsed
from turnout_host.processes.rpc import RpcError
from turnout_host.survey import Finding, finding
from turnout_host.toolchain import Toolchain


class Serving:
    """The app as PM2 runs it from `folder`. `answer` is what it said, once `findings` were asked for."""

    def __init__(
        self, layout: Layout, folder: Path, settings: Dict[str, Any], health: Dict[str, Any]
    ) -> None:
        self._layout, self._folder, self.settings, self.health = layout, folder, settings, dict(health)
        self.home = facts.pm2_home()
        self._listing = Listing(layout, self.home)
        self.toolchain = Toolchain(layout, None, None, self._path())
        self.answer: Optional[Answer] = None

    def processes(self) -> List[Process]:
        """What PM2 runs from this app's folder."""
        try:
            return [parsed(raw) for raw in self._listing.all() if self._listing.ours(raw)]
        except RpcError:
            return []

    def stale(self) -> List[Process]:
        """Those that work elsewhere than in `folder`: in a backup, or in a folder that is gone."""
        here = os.path.realpath(str(self._folder))
        found = [(process, proc.cwd(process.pid or 0) or "") for process in self.processes()]
        return [process for process, where in found if where != here and not where.startswith(here + "/")]

    def findings(self) -> List[Finding]:
        """Does it serve, on the port that a release would get, and well? What does not serve cannot be proved."""
        name, running = str(self.settings.get("app")), self.processes()
        if not any(process.name == name and process.status == "online" for process in running):
            return [self._absent(name)]
        try:
            return [*self._told_twice(), *self._deaf(running)]
        except HostError as error:
            where = error.detail.get("where") or self._folder
            remedy = [str(line) for line in error.detail.get("remedy") or []]
            return [finding("processes", str(where), error.message, remedy)]

    def _path(self) -> str:
        """PATH of the login shell behind the folder of the daemon's Node: where a version manager has PM2, too."""
        daemon, path = self._listing.daemon(), facts.shell_env().get("PATH", "")
        try:
            own = os.path.dirname(os.readlink(f"/proc/{daemon}/exe")) if daemon else ""
        except OSError:
            own = ""
        return os.pathsep.join(filter(None, (own, path)))

    def _absent(self, name: str) -> Finding:
        current, words = self._layout.current, self.settings
        start = f"pm2 start {words.get('config')} --env {words.get('process_env')}"
        return finding(
            "processes",
            "PM2",
            f"PM2 runs no {name} from {self._layout.path}: what does not serve cannot be proved",
            [
                f"start it as before: cd {self._folder} && {start}",
                f"or begin anew: mv {current} {current}-by-hand, then turnout deploy",
            ],
        )

    def _told_twice(self) -> List[Finding]:
        """PM2's file beat the .env until now; in a release the .env wins (DESIGN 7)."""
        found = wrapper.apps(self.toolchain, self._folder, self.settings)
        env = apps.app_of(found, str(self.settings.get("app")))["turnout"]["env"]
        values = apps.values_of(self._folder)
        differ = sorted(key for key in values if env.get(key, values[key]) != values[key])
        if not differ:
            return []
        why = f"PM2's file and the .env differ in {', '.join(differ)}: from now on the .env counts"
        return [finding("dotenv", str(self._folder / ".env"), why, [], False)]

    def _deaf(self, running: List[Process]) -> List[Finding]:
        self.health["port"] = port = self._port()
        ours = {process.pid for process in running} | {self._listing.daemon()}
        if not ours & set(proc.owners(port)):
            remedy = [
                f"write the real {self.health.get('port_env')} into {self._folder}/.env: PM2 has another",
                "or set `port` in [health] of turnout.toml",
            ]
            why = f"the app does not listen on port {port}, which a release would get"
            return [finding("port", f"port {port}", why, remedy)]
        self.answer = Probe(port, str(self.health["path"]), float(self.health["timeout"])).ask()
        if self.answer.ok:
            return []
        why = f"it does not answer well on {self.health['path']}: {self.answer.reason}"
        remedy = ["mend that first", "or set `path` in [health] of turnout.toml"]
        return [finding("health", f"port {port}", why, remedy)]

    def _port(self) -> int:
        """The port that it should serve on by Turnout's rules."""
        if self.health.get("port"):
            return int(self.health["port"])
        values, key = apps.values_of(self._folder), str(self.health["port_env"])
        return apps.port(self.toolchain, self._folder, self.settings, values, key)
