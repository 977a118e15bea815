"""One reload: what PM2 does by itself when it is given our wrapper, and what it silently leaves as it was (FACTS)."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, Callable, Dict, Iterator, List, Sequence, Set, Tuple

from turnout_host import proc
from turnout_host.errors import HostError
from turnout_host.processes import drain, rpc
from turnout_host.processes.cli import SPARE, Cli
from turnout_host.processes.listing import Listing, Process, Raw, held, parsed
from turnout_host.processes.rolling import Stopped, roll

Note = Callable[[str], None]
App = Dict[str, Any]

PATIENCE = 0.5
"""The share of `listen_timeout` after which a worker that does not listen stops the reload."""

SETTLING = 0.2
"""Seconds in which the daemon begins what was asked just before the asker was killed, and sees that a process ended."""

UNDER_WAY = "already in progress"
"""In what PM2 says when another reload of a process is not over."""

AGAIN = 3
"""How often a reload is asked for while the daemon says that another one is under way."""


class Reload:
    """The steps of one reload to `apps`, as `wrapper.apps` gives them. `gone` are names that we started before."""

    def __init__(
        self, cli: Cli, listing: Listing, raw: Callable[[], List[Raw]], apps: List[App], note: Note
    ) -> None:
        self._cli, self._listing, self._raw, self._note = cli, listing, raw, note
        self._apps = {str(app["name"]): app for app in apps}
        self.stopped = ""
        """Why the reload was stopped before PM2 was through with it; "" when it was not."""

    def refuse_strangers(self) -> None:
        """PM2 knows apps by name only: reloading ours would take over another environment's of the same name."""
        for raw in self._raw():
            name = raw.get("name")
            if name in self._apps and not self._listing.ours(raw):
                raise HostError(
                    f"PM2 already runs another {name}, from {parsed(raw).cwd}",
                    remedy=[
                        "give the app another name in its PM2 file",
                        f"or, if it is a leftover: pm2 delete {name}",
                    ],
                )

    def settle(self) -> None:
        """Wait until no reload is under way that an ended command left behind: the daemon finishes the worker it is at.

        PM2's own lock (PM2_HOME/reload.lock, 30 s) binds only `pm2 reload`, not `startOrReload` (7.0.4, lib/API.js).
        """
        if self._cli.end_left():
            self._note("ended the reload of a pointsman that was killed")
            time.sleep(SETTLING)
        self._rescue()
        until, told = time.monotonic() + self._longest(), False
        while self._unlisted() and time.monotonic() < until:
            if not told:
                self._note("waiting for an earlier reload to end")
            told = True
            time.sleep(0.1)
        if told:
            time.sleep(SETTLING)

    def _rescue(self) -> None:
        """A stopped reload left an old worker behind one that serves nobody: start that one anew, then end the old one.

        Else the daemon ends the old one when `listen_timeout` is over, whoever serves then; with one worker, nobody.
        Its name for it is `_old_ID` (7.0.4, lib/God/Reload.js).
        """
        if not self._unlisted():
            return
        for process in self._ours():
            app = self._apps.get(process.name)
            if app is None or not _has_module(app) or self._listens(process.id) or _is_current(process, app):
                continue
            self._note(f"{process.name} {process.id} serves nobody; starting it anew before its old one ends")
            try:
                rpc.call(self._listing.socket, "restartProcessId", [{"id": process.id}], self._longest())
                until = time.monotonic() + PATIENCE * app["listen_timeout"] / 1000
                while not self._listens(process.id) and time.monotonic() < until:
                    time.sleep(0.05)
                if self._listens(process.id):
                    rpc.call(self._listing.socket, "deleteProcessId", [f"_old_{process.id}"], self._longest())
            except rpc.RpcError:
                continue  # then the daemon's own timer ends it, as without us

    def _listens(self, number: int) -> bool:
        pid = next((one.pid for one in self._ours() if one.id == number), None)
        inside = self._listing.workers.ask(pid) if pid else None
        return bool(inside and inside.ports)

    def run(self, gone: Set[str], dotenv_keys: Sequence[str]) -> None:
        """All of it, after the wrapper was written. Raises HostError when the daemon refuses or goes."""
        self._delete([process for process in self._ours() if self._must_go_first(process, gone)])
        if not self._repair(dotenv_keys):
            return
        for _ in range(AGAIN):
            before = {process.id: process for process in self._ours()}
            stop = lambda: self._crashes(before) or self._deaf(before)  # noqa: E731,B023 - called in this turn
            again = self._reload(dotenv_keys, stop)
            if self.stopped:
                return
            if not again:
                break
            time.sleep(SETTLING)
            self.settle()
        self._delete([process for process in self._ours() if process.name in gone])
        self._scale()

    def _reload(self, dotenv_keys: Sequence[str], stop: Callable[[], bool]) -> bool:
        """Lead all to the wrapper's apps; True when the daemon says that another reload is under way.

        PM2's own command does it where an app does not run yet, or where only PM2 knows how it would ask.
        """
        wanted = {name: app["turnout"]["request"] for name, app in self._apps.items()}
        old = {process.id: process for process in self._ours() if process.name in wanted}
        if not all(wanted.values()) or set(wanted) - {process.name for process in old.values()}:
            said = self._cli.start_or_reload(self._longest(), dotenv_keys, stop)
            return any(UNDER_WAY in line for line in said)
        env = self._cli.env(dotenv_keys)
        requests = [(number, {**env, **wanted[process.name]}) for number, process in sorted(old.items())]
        serves = lambda number: self._serves(old[number])  # noqa: E731
        try:
            with contextlib.suppress(Stopped):
                roll(self._listing.socket, requests, serves, stop, self._longest())
        except rpc.RpcError as error:
            if UNDER_WAY not in str(error):
                raise HostError(f"PM2 did not reload {', '.join(wanted)}: {error}") from error
            return True
        return False

    def _serves(self, old: Process) -> bool:
        """Does the worker that follows this one listen? Without our module, or with `wait_ready`, PM2 must say so."""
        app = self._apps[old.name]
        if app.get("wait_ready") or not _has_module(app):
            return False
        new = next((one for one in self._ours() if one.id == old.id), old)
        inside = self._listing.workers.ask(new.pid) if new.pid and new.pid != old.pid else None
        return bool(inside and inside.ports)

    def _crashes(self, before: Dict[int, Process]) -> bool:
        """Does a new worker die again and again? Then PM2 must not go on to the next one: its old one still serves.

        A reload counts as one restart, and a sick old worker may die once more by itself just when it is to be led
        back; PM2 itself would wait for `listen_timeout`, then end the old worker all the same (FACTS), and so on until
        nobody serves. One that lay there before is what a revert finds, and no new one.
        """
        dying = [
            process
            for process in self._ours()
            if process.id in before
            and (
                process.status == "errored" != before[process.id].status
                or process.restarts > before[process.id].restarts + 2
            )
        ]
        return self._stop(dying, "dies while it boots")

    def _deaf(self, before: Dict[int, Process]) -> bool:
        """Is a new worker about to use up its `listen_timeout`? Then PM2 ends the old one, and goes on to the next.

        Only the worker itself knows that it listens nowhere: an old one that takes long to drain looks alike from here.
        """
        late = [
            process
            for process in self._ours()
            if process.id in before
            and process.restarts > before[process.id].restarts
            and process.mode == "cluster"
            and not self._apps.get(process.name, {}).get("wait_ready")
            and process.uptime
            > PATIENCE * self._apps.get(process.name, {}).get("listen_timeout", 0) / 1000
            > 0
        ]
        inside = [(process, self._listing.workers.ask(process.pid or 0)) for process in late]
        return self._stop(
            [one for one, told in inside if told and not told.ports], "does not listen under PM2"
        )

    def _stop(self, processes: List[Process], why: str) -> bool:
        if processes and not self.stopped:
            self.stopped = f"{processes[0].name} {processes[0].id} {why}"
            self._note(f"{self.stopped}; the reload is stopped")
        return bool(processes)

    def _must_go_first(self, process: Process, gone: Set[str]) -> bool:
        """Those that a reload cannot make right, or that would keep the port from their successor.

        A changed exec_mode is silently ignored; a process in fork mode has its gap anyway.
        """
        app = self._apps.get(process.name)
        if app is None:
            return process.name in gone and process.mode == "fork"
        return process.mode != app["turnout"]["mode"] or (process.mode == "fork" and stale(process, app))

    def _repair(self, dotenv_keys: Sequence[str]) -> bool:
        """Make PM2 forget a path that does not lead through `current`, and values of the dotenv, without a gap.

        No command does it. The daemon's reloadProcessId takes `current_conf` into what it stores, and drops what is the
        text "null" there (7.0.4, lib/Utility.js extendMix). Where that fails, the process is started anew.
        False when a new worker dies while it boots: the others, which still serve, are left as they are.
        """
        before = {process.id: process for process in self._ours()}
        for raw, app in self._matched():
            process, keys = parsed(raw), held(raw, dotenv_keys)
            if not keys and not stale(process, app):
                continue
            what = f"values of the .env ({', '.join(sorted(keys))})" if keys else "a path of an old release"
            self._note(f"{process.name} {process.id}: PM2 still stores {what}; replacing it")
            conf: Dict[str, Any] = {key: app[key] for key in ("cwd", "listen_timeout", "kill_timeout")}
            conf.update(dict.fromkeys(keys, "null"), pm_cwd=app["cwd"], env=dict(app["turnout"]["env"]))
            if app["turnout"]["script"]:
                conf["pm_exec_path"] = app["turnout"]["script"]
            request = {"id": process.id, "env": {"current_conf": conf}}
            try:
                rpc.call(self._listing.socket, "reloadProcessId", [request], self._longest())
            except rpc.RpcError:
                self._delete([process])
            if self._crashes(before):
                return False
        return True

    def _scale(self) -> None:
        """A changed number of instances is silently not applied by a reload."""
        running = [process.name for process in self._ours()]
        for name, app in self._apps.items():
            count = app["turnout"]["instances"]
            if running.count(name) not in (0, count):
                self._note(f"{name}: {running.count(name)} → {count} processes")
                self._cli.run(["scale", name, str(count)], self._longest())

    def _delete(self, processes: List[Process]) -> None:
        for process in processes:
            self._note(f"PM2 stops {process.name} {process.id}, which cannot be reloaded")
        self._cli.delete([process.id for process in processes])

    def _ours(self) -> List[Process]:
        return [parsed(raw) for raw in self._raw() if self._listing.ours(raw)]

    def _matched(self) -> Iterator[Tuple[Raw, App]]:
        for raw in self._raw():
            app = self._apps.get(str(raw.get("name")))
            if app is not None and self._listing.ours(raw):
                yield raw, app

    def _unlisted(self) -> List[int]:
        try:
            return self._listing.unlisted()
        except rpc.RpcError:
            return []

    def _longest(self) -> float:
        """Seconds that a reload may take: each worker may need all of its two times, one after another."""
        apps = self._apps.values()
        milliseconds = [
            app["turnout"]["instances"] * (app["listen_timeout"] + app["kill_timeout"]) for app in apps
        ]
        return SPARE + float(sum(milliseconds)) / 1000


def _has_module(app: App) -> bool:
    return any(drain.PLACE in str(word) for word in app.get("node_args") or [])


def _is_current(process: Process, app: App) -> bool:
    """Does it boot into what is wanted already?"""
    return bool(process.pid) and proc.cwd(process.pid or 0) == os.path.realpath(app["cwd"])


def stale(process: Process, app: App) -> bool:
    """Does PM2 store a path that is not the one through `current`?"""
    script = app["turnout"]["script"]
    return process.cwd != app["cwd"] or bool(script and process.script != script)
