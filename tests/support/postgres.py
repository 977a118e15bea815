"""A real PostgreSQL on 127.0.0.1 in a temporary folder, run by a user who may (root may not), ended by its pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.support.sshd import free_port

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
BIN = PLACES[-1] if PLACES else None
PASSWORD = "s3cret-of-the-owner"
SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}


class Postgres:
    """Listens when it is made; `down()` and `up()` end and start it; `stop()` ends it and removes the folder."""

    def __init__(self) -> None:
        assert BIN, "no PostgreSQL here: apt-get install postgresql"
        self.folder = Path(tempfile.mkdtemp(prefix="tn-pg-"))
        self.port, self._as = free_port(), _user(self.folder)
        try:
            self._begin()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def _begin(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        shutil.chown(password, **{"user": self._as["user"]} if self._as else {"user": os.getuid()})
        login = ["-U", "owner", "--auth=scram-sha-256", f"--pwfile={password}"]
        subprocess.run(
            [BIN / "initdb", "-D", self.folder / "data", *login, "--no-sync", "-E", "UTF8"],
            check=True,
            capture_output=True,
            cwd="/",
            **self._as,
        )
        self.up()

    def up(self) -> None:
        """Start it, and wait until it takes sessions."""
        words = [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [BIN / "postgres", "-D", self.folder / "data", "-p", str(self.port), *words],
                stdout=log,
                stderr=log,
                cwd="/",
                **self._as,
            )
        ready = [BIN / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-t", "20", "-q"]
        while subprocess.run(ready, check=False).returncode:
            assert self._process.poll() is None, (self.folder / "log").read_text()

    @property
    def env(self) -> dict[str, str]:
        """What libpq's programs need to get in."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "owner",
            "PGPASSWORD": PASSWORD,
            "PGDATABASE": "postgres",
        }

    def sql(self, text: str) -> str:
        """Run SQL; rows as psql prints them without frills."""
        done = subprocess.run(
            [BIN / "psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", text],
            env={**os.environ, **self.env},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def down(self) -> None:
        """End it at once, by its pid."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)

    def stop(self) -> None:
        """End it for ever."""
        self.down()
        shutil.rmtree(self.folder)


def _user(folder: Path) -> dict[str, Any]:
    """For Popen: another user where we are root; the folder becomes theirs."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, user=user)
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
