"""The one folder of a demo: the author's repository, the server's home, PM2, the cache, and the keys.

<folder>/repo/            the sample in a git repository, and turnout.toml
<folder>/server/          the home of the server's user, and the app's path in it
<folder>/pm2/             PM2_HOME; short, because PM2's sockets lie in it (a socket's path takes 107 bytes)
<folder>/cache/           TURNOUT_CACHE, unless one is set already
<folder>/demo.env         what a second terminal reads
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import turnout
from turnout import config
from turnout.builder import disk
from turnout.cli import detect, template
from turnout.cli.demo.author import Author
from turnout.cli.demo.leftovers import end_all
from turnout.cli.demo.server import DemoServer
from turnout.cli.running import Target
from turnout.config.load import NAME
from turnout.errors import TurnoutError

SAMPLE = "blue-video-backend"
NOT_COPIED = shutil.ignore_patterns("node_modules", "dist", "logs", ".env", "*.db*")
"""What a developer's own runs leave in a checkout."""
BAKE = "2s"
"""Short, so that nobody waits for it in a demo; the default is 10 s (DESIGN 7)."""
SHORT = 60
"""Characters that the folder's path may have, for PM2's sockets."""
ENVIRONMENT = "production"


@dataclass
class Site:
    """The folder and what is in it."""

    folder: Path
    port: int
    """Where the app listens."""
    author: Author
    server: DemoServer

    @classmethod
    def make(cls) -> Site:
        """A new folder with an empty server; `open` does the rest. Raises TurnoutError where there is no sample."""
        folder = _folder()
        home = folder / "server"
        for one in (home, folder / "repo"):
            one.mkdir()
        # nothing of the demo may start with the machine, and its PM2 is nobody else's
        env = {"PM2_HOME": str(folder / "pm2"), "TURNOUT_BOOT": "none"}
        return cls(folder, _free_port(), Author(folder / "repo"), DemoServer(home, env))

    @property
    def path(self) -> Path:
        """The app's folder on the server."""
        return self.folder / "server" / "app"

    @property
    def cache(self) -> str:
        """Where builds and downloads are kept: the user's choice, else in the folder."""
        return os.environ.get("TURNOUT_CACHE") or str(self.folder / "cache")

    async def open(self) -> None:
        """Start the server, and make the repository, turnout.toml and the server's .env."""
        await self.server.start()
        shutil.copytree(sample(), self.author.folder / "backend", ignore=NOT_COPIED)
        await self.author.begin("Blue Video, a small video catalogue")
        found = detect.find(self.author.folder)
        text = template.toml(found, ENVIRONMENT, str(self.server.address), str(self.path))
        (self.author.folder / NAME).write_text(_with_short_bake(text))
        self._put_dotenv()
        self._write_login()

    def target(self) -> Target:
        """What `turnout deploy` would find in the repository, with the demo's own key and nothing of the caller's."""
        read = config.load(None, self.author.folder)
        environment = read.environment(ENVIRONMENT)
        return Target(read, environment, config.reach(environment, self.login()))

    def login(self) -> Mapping[str, str]:
        """The variables by which Turnout gets in."""
        return {"VPS_SSH_KEY": self.server.key.reveal(), "VPS_KNOWN_HOSTS": self.server.known_hosts}

    def _put_dotenv(self) -> None:
        data = self.folder / "server" / "data"
        shared = self.path / "shared"
        data.mkdir()
        shared.mkdir(parents=True)
        lines = [
            f'DATABASE_URL="file:{data}/blue-video.db"',
            f"PORT={self.port}",
            "LOG_LEVEL=info",
            'API_KEY="demo"',
        ]
        _write_private(shared / ".env", "\n".join(lines) + "\n")

    def _write_login(self) -> None:
        for name, text in self.login().items():
            _write_private(self.folder / name, text)
        _write_private(self.folder / "demo.env", self._exports())

    def _exports(self) -> str:
        """`demo.env`: after it, a shell's `turnout` is this one and knows the demo's server."""
        here, programs = shlex.quote(str(self.folder)), shlex.quote(str(Path(sys.executable).parent))
        lines = ["unset VPS_HOST VPS_USER VPS_PORT"]
        lines += [f'export {name}="$(cat {here}/{name})"' for name in self.login()]
        lines += [f"export TURNOUT_CACHE={shlex.quote(self.cache)}", f'export PATH={programs}:"$PATH"']
        return "\n".join(lines) + "\n"

    def remove(self) -> None:
        """End what still runs from the folder, and remove it. Blocks for a moment, so nothing interrupts it."""
        end_all(self.folder)
        disk.remove(self.folder)


def sample() -> Path:
    """The sample app: in the wheel, else in the checkout. Raises TurnoutError where neither has it."""
    package = Path(turnout.__file__).parent
    for folder in (package / "_sample" / SAMPLE, package.parents[1] / "examples" / SAMPLE):
        if (folder / "package.json").is_file():
            return folder
    raise TurnoutError(
        "the sample app is missing from this installation",
        where=str(package / "_sample"),
        remedy="install Turnout anew from its wheel, or run the demo in a checkout",
    )


def _folder() -> Path:
    """A new folder below TMPDIR, or below /tmp where that is too long a name."""
    base = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="turnout-demo-", dir=base if len(base) < SHORT else "/tmp"))  # noqa: S108


def _free_port() -> int:
    """A free port below those that the kernel gives to outgoing connections: the app takes it half a minute later."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("", port))
            return port


def _with_short_bake(text: str) -> str:
    head, table, rest = text.partition("[health]\n")
    return f'{head}{table}bake = "{BAKE}"  # short, for the demo; the default is 10s\n{rest}'


def _write_private(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
