"""A VPS that the old workflow deployed by the very commands of the spec: real `current/` and `backups/`, its own PM2.

It has Node, npm and PM2 of its own. The app keeps its SQLite file in `current/prisma`, as many do.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from pathlib import Path

from tests.support.client import TURNOUT, Run
from tests.support.site import API_KEY, NAME, Site, remove, until
from tests.turnout_host.site import pm2_folder

PACKAGE = (
    "dist node_modules prisma package.json package-lock.json tsconfig.json ecosystem.config.js .env.example"
)
"""The spec's "Deployment Package Contents"."""
BUILD = f"""
npm ci --production=false
npx prisma generate
npm run build
tar -I 'gzip -1' -cf backend-deploy.tar.gz {PACKAGE} prisma.config.ts
"""
START = "pm2 start ecosystem.config.js --env production"
DEPLOY = """
cd {path}
mkdir -p backups
BACKUP=backups/backup-$(date +%Y%m%d-%H%M%S)
if [ -d current ]; then mv current $BACKUP; fi
mkdir current
tar -xzf {package} -C current/
cp $BACKUP/.env current/.env || cp {home}/.env current/.env
cp $BACKUP/prisma/dev.db current/prisma/dev.db || true
mkdir -p current/logs
cd current
$INSTALL
npx prisma migrate deploy
npx prisma generate
if pm2 describe {name} > /dev/null; then pm2 reload {name}
else {start}; fi
pm2 save
cd ..
ls -dt backups/*/ | tail -n +6 | xargs rm -rf
"""
"""Steps 6.1 to 6.8. That it also saves the database file from being lost with the folder is what people add."""


class Legacy(Site):
    """Deployed by the old workflow `times` times; turnout.toml is there, Turnout never was."""

    def __init__(self, times: int = 2, database: str = "file:./prisma/dev.db") -> None:
        super().__init__()
        try:
            shutil.rmtree(self.path)
            self.path.mkdir()
            self._runtime()
            self.change(
                "ecosystem.config.js",
                "{ NODE_ENV: 'production', PORT: 3000 }",
                "{ NODE_ENV: 'production' }",
                "No port",
            )
            self.old_dotenv(database)
            self.package = self._build()
            for number in range(times):
                self.old_deploy("npm ci --production" if number == 0 else "true")
        except BaseException:
            self.close()
            raise

    def _runtime(self) -> None:
        for name in ("node", "npm", "npx"):
            self._tool(name, Path(str(shutil.which(name))))
        self._tool("pm2", pm2_folder() / "node_modules/pm2/bin/pm2")

    def _vps_env(self) -> dict[str, str]:
        return super()._vps_env() | {"npm_config_ignore_scripts": "true"}

    def old_dotenv(self, database: str) -> None:
        """The `.env` that a person put there before the first deployment."""
        values = {"DATABASE_URL": database, "PORT": str(self.port), "LOG_LEVEL": "info", "API_KEY": API_KEY}
        (self.sshd.home / ".env").write_text("".join(f'{key}="{value}"\n' for key, value in values.items()))

    def _build(self) -> Path:
        """Steps 1 to 4, on the runner."""
        runner = self.root / "runner"
        subprocess.run(["git", "clone", "-q", str(self.repo), str(runner)], check=True)
        env = self._deployer_env() | {"DATABASE_URL": "file:./build.db"}
        subprocess.run(
            ["/bin/sh", "-e", "-c", BUILD], cwd=runner / "backend", env=env, check=True, capture_output=True
        )
        return runner / "backend/backend-deploy.tar.gz"

    def old_deploy(self, install: str = "true") -> None:
        """Steps 5 and 6: upload, and what the workflow runs on the server."""
        uploaded = self.sshd.home / "backend-deploy.tar.gz"
        shutil.copy(self.package, uploaded)
        words = {"path": self.path, "package": uploaded, "home": self.sshd.home, "name": NAME, "start": START}
        script = self.sshd.home / "deploy.sh"
        script.write_text(DEPLOY.format(**words))
        self.hand(f"INSTALL={shlex.quote(install)} bash -e {script} < /dev/null", seconds=240)

    def answered(self, answer: str, *arguments: str) -> Run:
        """Run turnout at a terminal and answer its question."""
        keyboard, terminal = os.openpty()
        try:
            os.write(keyboard, f"{answer}\n".encode())
            done = subprocess.run(
                [str(TURNOUT), *arguments],
                cwd=self.repo,
                env=self._deployer_env(),
                stdin=terminal,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        finally:
            os.close(keyboard)
            os.close(terminal)
        return Run(arguments, done.returncode, done.stdout, done.stderr)

    def backups(self) -> list[str]:
        """The real folders under `backups/`, oldest first."""
        return sorted(one.name for one in (self.path / "backups").iterdir() if not one.is_symlink())

    def old_again(self) -> None:
        """As the old workflow left it: what adoptions and deployments made is taken back by hand."""
        current, first = self.path / "current", self.path / "releases/v1"
        if current.is_symlink():
            current.unlink()
            first.rename(current)
        for link in [
            one for one in current.rglob("*") if one.is_symlink() and "node_modules" not in one.parts
        ]:
            target = link.readlink()
            link.unlink()
            if target.exists():
                target.rename(link)
        for name in ("shared", "releases", ".turnout"):
            if (self.path / name).exists():
                remove(self.path / name)
        self.hand(f"cd {current} && pm2 delete {NAME} < /dev/null; {START} < /dev/null")
        until(self.answers)

    def videos(self) -> set[str]:
        """The titles in the database that the app's .env names."""
        (url,) = re.findall(r'DATABASE_URL="file:(.*)"', (self.path / "current/.env").read_text())
        with contextlib.closing(sqlite3.connect((self.path / "current" / url).resolve())) as database:
            return {title for (title,) in database.execute("SELECT title FROM Video")}

    def add_video(self, title: str) -> bool:
        """Whether the app took a new video."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            body = json.dumps({"title": title, "url": "https://example.com/v"})
            connection.request("POST", "/videos", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            return response.status == 201
        finally:
            connection.close()

    def works(self) -> set[str]:
        """The folders that PM2's processes work in, as the kernel says."""
        return {os.readlink(f"/proc/{process.pid}/cwd") for process in self.processes()}  # noqa: PTH115
