"""An app of one file, with as many files and bytes of dependencies as are asked for, on as many hosts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.benchmarks.measure import Command, Place
from tests.support.client import TURNOUT
from tests.support.site import NAME, Site
from tests.turnout_host.site import pm2_folder

SERVER = """
const http = require('http'), fs = require('fs'), path = require('path');
const text = fs.readFileSync(path.join(__dirname, '.env'), 'utf8');
const env = Object.fromEntries([...text.matchAll(/^(\\w+)="?(.*?)"?$/gm)].map((found) => found.slice(1)));
const answer = JSON.stringify({ status: 'ok', release: env.TURNOUT_RELEASE, pid: process.pid });
http.createServer((request, response) => {
  response.setHeader('Content-Type', 'application/json');
  response.end(answer);
}).listen(process.env.PORT || env.PORT, '127.0.0.1');
"""
ECOSYSTEM = """
module.exports = { apps: [{
  name: 'blue-video-backend', cwd: __dirname, script: './server.js', instances: 2, exec_mode: 'cluster',
  env_production: { NODE_ENV: 'production' }, out_file: './logs/out.log', error_file: './logs/err.log',
}] };
"""
FILL = """
const crypto = require('crypto'), fs = require('fs'), path = require('path');
const { files, bytes, version } = JSON.parse(fs.readFileSync('fill.json'));
for (let number = 0; number < files; number++) {
  const seed = number === 0 ? `${number}-${version}` : `${number}`;
  const key = crypto.createHash('md5').update(seed).digest();
  const zeros = Buffer.alloc(Math.ceil(bytes / files));
  const data = crypto.createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(zeros);
  const folder = path.join('node_modules', `p${Math.floor(number / 1000)}`);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, `${number}.bin`), data);
}
"""
TOP = 'toolchain = "host"'
MORE = """
[build]
install = []
commands = []
[package]
include = ["server.js", "package.json", "ecosystem.config.js"]
[dependencies]
commands = ["node fill.js"]
inputs = ["package.json", "fill.js", "fill.json"]
"""


class Bare(Site):
    """A server with node, npm and pm2 of its own; the repository holds the plain app."""

    def __init__(self) -> None:
        super().__init__(bake="0s", top=TOP, more=MORE)

    def _lay_out(self) -> None:
        super()._lay_out()
        for name in ("node", "npm", "npx"):
            self._tool(name, Path(str(shutil.which(name))))
        self._tool("pm2", pm2_folder() / "node_modules/pm2/bin/pm2")

    def _repository(self) -> None:
        self.git("init", "-q", "-b", "main")
        package = json.dumps({"name": NAME, "version": "1.0.0", "engines": {"node": ">=20"}})
        app = {
            "server.js": SERVER,
            "ecosystem.config.js": ECOSYSTEM,
            "package.json": package,
            "fill.js": FILL,
        }
        self.commit({f"backend/{name}": text for name, text in app.items()}, "A plain app")
        self.fill(1, 1000)

    def fill(self, files: int, bytes_: int, version: int = 1) -> None:
        """So much lies in node_modules from now on; another `version` is another content of one file."""
        told = {"files": files, "bytes": bytes_, "version": version}
        self.commit(
            {"backend/fill.json": json.dumps(told)}, f"{files} files, {bytes_} bytes, version {version}"
        )

    def touch(self, words: str) -> None:
        """A change of code."""
        self.commit({"backend/server.js": f"{SERVER}// {words}\n"}, words)


class Fleet:
    """As many hosts; the first holds repository and deployer.

    One environment has one path on all its hosts: the others' servers see their own folder in the first one's place.
    """

    def __init__(self, count: int) -> None:
        self.sites: list[Bare] = []
        try:
            for _ in range(count):
                self.sites.append(Bare())
            self._join()
        except BaseException:
            self.close()
            raise

    def _join(self) -> None:
        first, *others = self.sites
        for site in others:
            shutil.copy(first.sshd.folder / "client_key.pub", site.sshd.folder / "authorized_keys")
            site.sshd.stop()
            mount = f'mount --bind {site.path} {first.path} && exec "$@"'
            site.sshd.inside = ["unshare", "--mount", "sh", "-c", mount, "sh"]
            site.sshd.start()
        file = first.repo / "turnout.toml"
        hosts = ", ".join(f'"{site.sshd.address}"' for site in self.sites)
        file.write_text(file.read_text().replace(f'"{first.sshd.address}"', hosts))
        self.env = first._deployer_env() | {"TURNOUT_CACHE": str(first.root / "cache")}
        self.env["VPS_KNOWN_HOSTS"] = "".join(site.sshd.host_key_line for site in self.sites)

    @property
    def first(self) -> Bare:
        """Where the repository is, and where clients ask."""
        return self.sites[0]

    def deploy(self) -> Command:
        """`turnout deploy` to all of them."""
        return Command((str(TURNOUT), "deploy", "--json"), self.first.repo, self.env)

    def place(self) -> Place:
        """The first one."""
        return Place(self.first.port, self.first.sshd._process.pid, ())

    def close(self) -> None:
        """End them all."""
        for site in reversed(self.sites):
            site.close()
