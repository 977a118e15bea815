"""A real OpenSSH server on 127.0.0.1, run by whoever runs the tests, with a home of its own for its sessions."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from turnout.model import Address, Secret

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv HOME={home}{env}
Subsystem sftp internal-sftp
LogLevel VERBOSE
"""


class RealSshd:
    """Listens when it is made; `stop()` ends the server and its connections.

    `bashrc` goes into the sessions' home, where bash reads it for every command (FACTS: noise). `env` adds to
    their environment, and beats what the login sets; its values hold no spaces.
    """

    def __init__(self, tmp: Path, bashrc: str = "", env: dict[str, str] | None = None) -> None:
        self.folder, self.home, self.user = tmp, tmp / "home", getpass.getuser()
        self.home.mkdir(parents=True)
        (self.home / ".bashrc").write_text(bashrc)
        self.client_key, self.log = tmp / "client_key", tmp / "sshd.log"
        for name in ("host_key", "client_key"):
            make_key(tmp / name)
        shutil.copy(tmp / "client_key.pub", tmp / "authorized_keys")
        self._env = "".join(f" {key}={value}" for key, value in (env or {}).items())
        self.port = 0
        self.extra = ""
        """Settings that come first, so that they count; for the next start."""
        self.inside: list[str] = []
        """A command that runs the server as its last words; for the next start."""
        self.start()

    def start(self) -> None:
        """Start, or start again on the same port."""
        assert SSHD, "no sshd here: apt-get install openssh-server"
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # the packaged service makes it when it starts
        for _ in range(5):
            port = (
                self.port or free_port()
            )  # someone may take it before sshd does: then sshd ends, and we try again
            if self._listens(port):
                self.port = port
                return
        raise AssertionError(self.log.read_text())

    def _listens(self, port: int) -> bool:
        values = {"port": port, "folder": self.folder, "home": self.home, "env": self._env}
        config = self.folder / "sshd_config"
        config.write_text(self.extra + CONFIG.format(**values))
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [*self.inside, str(SSHD), "-D", "-e", "-f", str(config)], stderr=log
            )
        while self._process.poll() is None:
            if "Server listening" in self.log.read_text():
                return True
            time.sleep(0.01)
        return False

    @property
    def address(self) -> Address:
        """Where it listens, as the configuration would name it."""
        return Address("127.0.0.1", self.user, self.port)

    @property
    def host_key_line(self) -> str:
        """The line for known_hosts."""
        return f"[127.0.0.1]:{self.port} {(self.folder / 'host_key.pub').read_text()}"

    @property
    def key(self) -> Secret:
        """The client's private key, as VPS_SSH_KEY would hold it."""
        return Secret(self.client_key.read_text())

    def new_host_key(self) -> None:
        """Become what a server is that was set up anew: the same place, another host key."""
        self.stop()
        make_key(self.folder / "host_key")
        self.start()

    def stop(self) -> None:
        """End the server and its connections; what their sessions run then finds its input closed."""
        connections = [pid for pid in descendants(self._process.pid) if _name(pid) == "sshd"]
        self._process.terminate()
        for pid in connections:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


def make_key(file: Path) -> None:
    """A fresh pair of ed25519 keys in `file` and `file`.pub."""
    for old in (file, file.with_name(f"{file.name}.pub")):
        old.unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file.name, "-f", str(file)]
    subprocess.run(command, check=True)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def descendants(pid: int) -> list[int]:
    """The children of a process and theirs."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    children = [int(word) for word in text.split()]
    return [*children, *(deeper for child in children for deeper in descendants(child))]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
