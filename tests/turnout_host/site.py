"""A small app on a host, laid out as in DESIGN 5, with its own PM2_HOME; PM2 7.0.4 and Node are real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support import npm
from turnout_host import proc, rehearsal
from turnout_host.layout import Layout
from turnout_host.probe import Answer, Probe
from turnout_host.processes.pm2 import PM2
from turnout_host.proof import Proof, prove
from turnout_host.toolchain import Toolchain

PM2_VERSION = "7.0.4"
MODES = """
const http = require('http'), fs = require('fs'), path = require('path');
const own = JSON.parse(fs.readFileSync(path.join(__dirname, 'release.json'), 'utf8'));
const env = path.join(__dirname, '.env');
if (fs.existsSync(env)) for (const line of fs.readFileSync(env, 'utf8').split('\\n').filter(Boolean)) {
  const [key, value] = line.split('=');
  if (!(key in process.env)) process.env[key] = value;
}
const port = own.mode === 'stubborn' ? own.port : Number(process.env.PORT);
console.log('booting', own.release);
if (own.mode === 'crash') throw new Error('cannot find the database');
if (own.mode === 'silent') setInterval(() => {}, 1000);
else {
  let count = 0;
  const server = http.createServer((request, response) => {
    count += 1;
    const sick = { 500: true, flaps: count % 2 === 0, later: count > 20 }[own.mode];
    response.statusCode = sick ? 500 : 200;
    response.setHeader('Content-Type', 'application/json');
    const who = own.mode === 'anonymous' ? {} : { pid: process.pid, release: own.mode === 'liar' ? 'v0' : own.release };
    const told = { status: 'ok', secret: process.env.SECRET, node_env: process.env.NODE_ENV };
    response.end(JSON.stringify(Object.assign(told, who)));
    if (own.mode === 'dies' && count > 20) process.exit(3);
  });
  server.listen(port, '127.0.0.1', () => {
    if (!own.ready) return;
    const timer = setInterval(() => {
      if (!fs.existsSync(own.ready)) return;
      clearInterval(timer);
      process.send('ready');
    }, 20);
  });
  process.on('SIGINT', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
}
"""
ECOSYSTEM = """
module.exports = { apps: [ Object.assign({
  name: 'app', cwd: __dirname, script: './server.js', instances: 2, exec_mode: 'cluster',
  env: { NODE_ENV: 'development' },
  env_production: { NODE_ENV: 'production', PORT: PORT_HERE, SECRET: 'from-the-file' },
}, EXTRA) ] };
"""


def pm2_folder() -> Path:
    """The folder with PM2 in its node_modules, as a layer has it."""
    return npm.installed(f"pm2@{PM2_VERSION}").parent


class Site:
    """One app below a short temporary folder: a socket's path has at most 107 characters."""

    def __init__(self, **settings: Any) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="site-"))
        self.layout = Layout(str(self.root / "app"))
        self.layout.prepare()
        self.home = str(self.root / "pm2")
        self.port = rehearsal.spare_port()
        self.settings = {
            "app": "app",
            "config": "ecosystem.config.js",
            "process_env": "production",
            "drain_timeout": 2,
        }
        self.settings.update(settings)
        self.health: dict[str, Any] = {
            "path": "/health", "port": self.port, "port_env": "PORT", "rehearse": True, "start_period": 20.0,
            "interval": 0.05, "timeout": 2.0, "passes": 3, "retries": 5, "bake": 0.5,
        }  # fmt: skip
        (self.layout.layers / "pm2-7").symlink_to(pm2_folder())
        self.notes: list[str] = []
        self.started: list[subprocess.Popen[bytes]] = []
        self.toolchain = Toolchain(self.layout, None, "pm2-7", os.environ["PATH"])
        self.pm2 = PM2(self.layout, self.settings, self.toolchain, self.home)

    def move(self, folder: Path) -> None:
        """The app lies in another folder from now on."""
        self.layout = Layout(str(folder))
        self.toolchain = Toolchain(self.layout, None, "pm2-7", os.environ["PATH"])
        self.pm2 = PM2(self.layout, self.settings, self.toolchain, self.home)

    def release(
        self,
        name: str,
        mode: str = "ok",
        dotenv: str = "SECRET=from-the-dotenv\n",
        extra: str = "{}",
        **more: Any,
    ) -> Path:
        """Lay a release out; `mode` says how it behaves, `extra` is JS that is merged into its app."""
        folder = self.layout.release(name)
        folder.mkdir()
        (folder / "server.js").write_text(MODES)
        (folder / "release.json").write_text(
            json.dumps({"release": name, "mode": mode, "port": self.port, **more})
        )
        text = ECOSYSTEM.replace("PORT_HERE", str(self.port)).replace("EXTRA", extra)
        (folder / "ecosystem.config.js").write_text(text)
        (folder / ".env").write_text(dotenv)
        (folder / "logs").symlink_to(self.layout.logs)
        return folder

    def point(self, name: str) -> float:
        """Lead `current` to a release; the moment before it."""
        since = proc.now()
        temp = self.layout.path / ".current-new"
        temp.symlink_to(self.layout.release(name))
        temp.rename(self.layout.current)
        return since

    def reload(self, name: str, boot_seconds: float = 0.1) -> float:
        """Point and reload; the moment before the switch."""
        since = self.point(name)
        self.pm2.reload(name, ["SECRET"], boot_seconds, self.notes.append)
        return since

    def prove(self, name: str, since: float, **health: Any) -> Proof:
        return prove(
            self.pm2,
            self.probe(),
            self.layout.release(name),
            (name, f"{name}-0"),
            since,
            {**self.health, **health},
            self.notes.append,
        )

    def probe(self, timeout: float = 2.0) -> Probe:
        return Probe(self.port, "/health", timeout)

    def hand(self, *words: str, cwd: Path | None = None, **env: str) -> str:
        """What a person would type: `pm2 …` of this PM2_HOME."""
        argv = [*self.toolchain.pm2, *words]
        full = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "PM2_HOME": self.home,
            "PM2_DISCRETE_MODE": "1",
            **env,
        }
        done = subprocess.run(
            argv, cwd=cwd or self.root, env=full, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr

    def start(self, *argv: str, **env: str) -> subprocess.Popen[bytes]:
        """A process that is ended with the site."""
        process = subprocess.Popen(
            argv,
            env={"PATH": os.environ["PATH"], **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        """End everything that was started, by pid, and remove the folder."""
        daemon = self.pm2.daemon()
        for pid in sorted(proc.family(daemon), reverse=True) if daemon else []:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for process in self.started:
            process.kill()
            process.wait()
        until(lambda: not daemon or not proc.alive(daemon))
        shutil.rmtree(self.root)


def until(true: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for an event that has no descriptor to wait on."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


class Requests:
    """Asks the app all the time, from a thread of its own."""

    def __init__(self, site: Site) -> None:
        self._probe, self._stop = site.probe(10.0), threading.Event()
        self.ok: list[Answer] = []
        self.failed: list[Answer] = []
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self._stop.is_set():
            answer = self._probe.ask()
            (self.ok if answer.ok else self.failed).append(answer)

    def __enter__(self) -> Requests:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class Server:
    """Answers each connection with what `reply` writes to it; `count` is how many came."""

    def __init__(self, reply: Callable[[socket.socket], None]) -> None:
        self._reply, self.count = reply, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.count += 1
            with connection:
                try:
                    connection.recv(4096)
                    self._reply(connection)
                except OSError:
                    continue

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
