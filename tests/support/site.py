"""A VPS and its deployer in one temporary folder: a real sshd, the sample in a git repository, an app port.

<root>/repo/            git: backend/ is the sample, turnout.toml
<root>/home/            the deployer's home
<root>/vps/             sshd's keys and log; vps/home is its sessions' home
<root>/tools/           the programs that the VPS has: all of /usr/bin without Node, npm and PM2
<root>/pm2/             PM2_HOME there
<root>/app/             the path that is deployed to
<root>/data/videos.db   the app's database
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.client import Run, Turnout
from tests.support.sshd import RealSshd, free_port
from turnout_host.layout import Layout
from turnout_host.processes import rpc
from turnout_host.processes.listing import Listing, Process, parsed

SAMPLE = Path(__file__).parents[2] / "examples/blue-video-backend"
NAME = "blue-video-backend"
API_KEY = "hunter2-is-not-to-be-seen-anywhere"
GREETING = "backend/src/config/greeting.ts"
NOT_THERE = {"node", "nodejs", "npm", "npx", "corepack", "pm2", "yarn", "pnpm"}
TOML = """\
app = "blue-video-backend"
source = "backend"
node = "20"
{top}

[environments.production]
hosts = ["{address}"]
path = "{path}"
branches = ["main"]

[health]
bake = "{bake}"
{more}
"""


class Reply(NamedTuple):
    """An answer of the app; `body` is its JSON."""

    status: int
    body: Any


class Site:
    """All that one deployment needs; nothing is deployed yet. `close()` ends all that runs and removes the folder.

    `top` and `more` are text for turnout.toml: before the first table, and behind [health].
    """

    def __init__(self, bake: str = "0.5s", top: str = "", more: str = "") -> None:
        self.root = Path(tempfile.mkdtemp(prefix="tn-"))  # short: PM2's sockets have at most 107 characters
        try:
            self._lay_out()
            self.sshd = RealSshd(self.root / "vps", env=self._vps_env())
            self._profile()
            self.write_toml(bake, top, more)
            self._repository()
            self._turnout = Turnout(self.repo, self._deployer_env())
        except BaseException:
            self.close()
            raise

    def _lay_out(self) -> None:
        self.repo, self.home, self.path = self.root / "repo", self.root / "home", self.root / "app"
        self.tools, self.pm2_home, self.database = (
            self.root / "tools",
            self.root / "pm2",
            self.root / "data/videos.db",
        )
        for folder in (self.repo, self.home, self.path / "shared", self.tools, self.database.parent):
            folder.mkdir(parents=True)
        self.layout, self.port = Layout(str(self.path)), free_port()
        for folder in (Path("/bin"), Path("/usr/bin")):
            for program in folder.iterdir():
                if program.name not in NOT_THERE:
                    self._tool(program.name, program)
        if not (self.tools / "python3").exists():
            self._tool("python3", Path(sys.executable))
        self.write_dotenv()

    def _tool(self, name: str, program: Path) -> None:
        with contextlib.suppress(FileExistsError):
            (self.tools / name).symlink_to(program)

    def write_dotenv(self, **more: str) -> None:
        """The environment's .env on the VPS, 0600."""
        values = {
            "DATABASE_URL": f"file:{self.database}",
            "PORT": str(self.port),
            "LOG_LEVEL": "info",
            "API_KEY": API_KEY,
        }
        text = "".join(f'{key}="{value}"\n' for key, value in (values | more).items())
        file = self.path / "shared/.env"
        file.write_text(text)
        file.chmod(0o600)

    def _vps_env(self) -> dict[str, str]:
        return {"PATH": str(self.tools), "PM2_HOME": str(self.pm2_home), "TURNOUT_BOOT": "none"}

    def _profile(self) -> None:
        """What Debian's own profile does: a person finds what lies in ~/.local/bin."""
        (self.sshd.home / ".profile").write_text(f'PATH="$HOME/.local/bin:{self.tools}"\n')

    def write_toml(self, bake: str = "0.5s", top: str = "", more: str = "") -> None:
        """The deployer's turnout.toml; it needs no commit."""
        text = TOML.format(address=self.sshd.address, path=self.path, bake=bake, top=top, more=more)
        (self.repo / "turnout.toml").write_text(text)

    def _repository(self) -> None:
        leave = shutil.ignore_patterns("node_modules", "dist", "logs", ".env")
        shutil.copytree(SAMPLE, self.repo / "backend", ignore=leave)
        self.git("init", "-q", "-b", "main")
        self.commit({}, "The sample as it is")

    def _deployer_env(self) -> dict[str, str]:
        """A person's surroundings. Their modules are compiled, as pip leaves them, whatever those of the tests say."""
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("VPS_", "TURNOUT_", "PM2_", "PYTHONDONTWRITEBYTECODE"))
        }
        return inherited | {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TURNOUT_CACHE": str(cache()),
            "VPS_SSH_KEY": self.sshd.key.reveal(),
            "VPS_KNOWN_HOSTS": self.sshd.host_key_line,
            "NPM_CONFIG_CACHE": os.environ.get("NPM_CONFIG_CACHE") or str(Path.home() / ".npm"),
        }

    # the deployer

    def turnout(self, *arguments: str, check: int | None = None, **env: str) -> Run:
        """Run the real command in the repository."""
        return self._turnout.run(*arguments, check=check, **env)

    def start(self, *arguments: str, group: bool = False, **env: str) -> subprocess.Popen[str]:
        """Start the real command and leave it running; with `group` it leads a process group of its own."""
        return self._turnout.start(*arguments, group=group, **env)

    def deploy(self, *arguments: str, check: int | None = 0, **env: str) -> Run:
        """`turnout deploy --json`."""
        return self.turnout("deploy", "--json", *arguments, check=check, **env)

    def rollback(self, *arguments: str, check: int | None = 0, **env: str) -> Run:
        """`turnout rollback --json`."""
        return self.turnout("rollback", "--json", *arguments, check=check, **env)

    def status(self, check: int | None = 0) -> dict[str, Any]:
        """The one host's object of `turnout status --json`."""
        (host,) = self.turnout("status", "--json", check=check).json["hosts"]
        return dict(host)

    def git(self, *words: str) -> str:
        """Run git in the repository."""
        identity = ["-c", "user.name=A Person", "-c", "user.email=person@example.com"]
        return subprocess.run(
            ["git", *identity, *words], cwd=self.repo, check=True, capture_output=True, text=True
        ).stdout

    def commit(self, files: dict[str, str], message: str) -> str:
        """Write files, by their path in the repository, and commit everything; gives the full hash."""
        for name, text in files.items():
            file = self.repo / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git("add", "-A", "backend")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def greet(self, words: str) -> str:
        """A code-only change: `GET /` answers with these words; gives the full hash."""
        return self.commit(
            {GREETING: f"export const greeting = {json.dumps(words)};\n"}, f"Greet with {words}"
        )

    def change(self, name: str, old: str, new: str, message: str) -> str:
        """Replace a text that stands once in a file of backend/, and commit; gives the full hash."""
        text = (self.repo / "backend" / name).read_text()
        assert text.count(old) == 1, (name, old)
        return self.commit({f"backend/{name}": text.replace(old, new)}, message)

    # the VPS

    def hand(self, script: str, seconds: float = 60) -> str:
        """What a person types there after logging in; what it printed. An error ends it and raises."""
        sshd, hosts = self.sshd, self.root / "known_hosts"
        hosts.write_text(sshd.host_key_line)
        options = [
            "-F",
            "none",
            "-i",
            str(sshd.client_key),
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            f"UserKnownHostsFile={hosts}",
        ]
        argv = ["ssh", *options, "-p", str(sshd.port), f"{sshd.user}@127.0.0.1", "bash --login -e"]
        done = subprocess.run(
            argv, input=script, capture_output=True, text=True, timeout=seconds, check=False
        )
        assert done.returncode == 0, (script, done)
        return done.stdout

    def answer(self, path: str = "/health") -> Reply:
        """Ask the app on a new connection; raises OSError when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Reply(response.status, json.loads(response.read() or b"null"))
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether anybody does."""
        try:
            return self.answer().status == 200
        except OSError:
            return False

    def serving(self) -> set[str]:
        """The releases that the app answers with, over enough connections to hear every worker."""
        return {str(self.answer().body["release"]) for _ in range(8)}

    def current(self) -> str | None:
        """The release that `current` leads to."""
        link = self.path / "current"
        return self.layout.name_of(link.resolve()) if link.exists() else None

    def journal(self) -> list[dict[str, Any]]:
        """All entries of the host's journal."""
        file = self.layout.journal
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def daemon(self) -> int:
        """The pid of PM2's daemon there, 0 when there is none."""
        return rpc.daemon_pid(str(self.pm2_home / "rpc.sock"))

    def processes(self) -> list[Process]:
        """What PM2 says that it runs; [] without a daemon."""
        return (
            [parsed(raw) for raw in Listing(self.layout, str(self.pm2_home)).all()] if self.daemon() else []
        )

    def npm_runs(self) -> list[str]:
        """Names of the logs that npm and npx left in the VPS's home: one for each time that either ran there."""
        return sorted(path.name for path in (self.sshd.home / ".npm/_logs").glob("*"))

    def program(self, name: str, text: str) -> None:
        """Give the VPS a program that comes first in everybody's PATH."""
        file = self.tools / name
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    # the end

    def close(self) -> None:
        """End everything that runs in or for the folder, and remove the folder."""
        self.end()
        remove(self.root)

    def end(self) -> None:
        """End everything that runs in or for the folder, each by its pid."""
        if hasattr(self, "sshd"):
            self.sshd.stop()
        for _ in range(3):  # one that is just starting another
            pids = list(strays(self.root))
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            until(lambda: not any(Path(f"/proc/{pid}/cwd").exists() for pid in pids))  # noqa: B023 - called at once


def strays(root: Path) -> Iterator[int]:
    """Processes that run in the folder, or have it in their arguments; we are not among them."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            if f"{root}/" in words + "/" or f"{root}/" in f"{(entry / 'cwd').readlink()}/":
                yield int(entry.name)


def remove(folder: Path) -> None:
    """Remove a folder, with the read-only trees of releases in it."""
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o700)
    shutil.rmtree(folder)


def until(true: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for something that has no descriptor to wait on."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def cache() -> Path:
    """The deployer's cache of all sites, so that npm runs once (tests/conftest.py)."""
    return Path(os.environ["TURNOUT_TEST_CACHE"]) / "turnout"
