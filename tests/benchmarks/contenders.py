"""Who competes: Turnout, and three plain ways to do the same, each with a server, a PM2 and a link of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.apps import App
from tests.benchmarks.link import LinkProcess, Shape
from tests.benchmarks.measure import Command, Place
from tests.support.client import TURNOUT
from tests.support.legacy import Legacy
from tests.support.site import NAME, Site, remove
from tests.turnout_host.site import pm2_folder

SCRIPTS = Path(__file__).parent / "scripts"


class Contender:
    """One way to deploy, with all that it needs. `prepare()` comes before each command and is not measured."""

    name = ""
    site: Site

    def __init__(self, app: App, shape: Shape) -> None:
        self.app, self.shape = app, shape
        self.links: list[LinkProcess] = []
        self.changes = 0
        try:
            self.site = self._ground()
            app.add(self.site)
            self.port = self._linked(self.site)
            self._begin()
        except BaseException:
            self.close()
            raise

    def _ground(self) -> Site:
        raise NotImplementedError

    def _begin(self) -> None:
        """What is set up once."""

    def _linked(self, site: Site) -> int:
        """The port by which the deployer comes to the site's sshd."""
        self.links.append(LinkProcess(site.sshd.port, self.shape))
        return self.links[-1].port

    def prepare(self) -> None:
        """Make ready for the next command."""

    def deploy(self) -> Command:
        """To lead users to the newest commit."""
        raise NotImplementedError

    def rollback(self) -> Command:
        """To lead them back to the release before."""
        raise NotImplementedError

    def forget(self) -> None:
        """Lose what earlier builds left on the deployer, as a CI's new runner has none of it."""

    def place(self) -> Place:
        """Where the commands lead."""
        return Place(self.site.port, self.site.sshd._process.pid, tuple(self.links))

    def close(self) -> None:
        """End and remove all of it."""
        for link in self.links:
            link.close()
        if hasattr(self, "site"):
            self.site.close()


class Turnout(Contender):
    """The real command; its builds and downloads are kept in a cache that is empty at first."""

    name = "turnout"
    second: Site | None = None

    def _ground(self) -> Site:
        return Site(bake="0s")

    def _begin(self) -> None:
        self.file = self.site.repo / "turnout.toml"
        self._lead(self.site, self.port)
        self.env = self.site._deployer_env() | {"TURNOUT_CACHE": str(self.site.root / "cache")}
        self.env["VPS_KNOWN_HOSTS"] = self._known(self.site, self.port)

    def _lead(self, site: Site, port: int) -> None:
        self.file.write_text(self.file.read_text().replace(f":{site.sshd.port}", f":{port}"))

    @staticmethod
    def _known(site: Site, port: int) -> str:
        return site.sshd.host_key_line.replace(str(site.sshd.port), str(port))

    def command(self, *words: str) -> Command:
        """`turnout WORDS --json`."""
        return Command((str(TURNOUT), *words, "--json"), self.site.repo, self.env)

    def deploy(self) -> Command:
        """See Contender."""
        return self.command("deploy", "production")

    def rollback(self) -> Command:
        """See Contender."""
        return self.command("rollback", "production")

    def forget(self) -> None:
        """See Contender."""
        cache = Path(self.env["TURNOUT_CACHE"])
        if cache.exists():
            remove(cache)

    def open_second(self) -> Command:
        """A second environment on a server of its own; the command that deploys the first time there."""
        self.second = Site(bake="0s")
        port = self._linked(self.second)
        table = (
            f'\n[environments.second]\nhosts = ["{self.second.sshd.address}"]\npath = "{self.second.path}"\n'
        )
        self.file.write_text(self.file.read_text() + table)
        self._lead(self.second, port)
        shutil.copy(self.site.sshd.folder / "client_key.pub", self.second.sshd.folder / "authorized_keys")
        self.env["VPS_KNOWN_HOSTS"] += self._known(self.second, port)
        return self.command("deploy", "second")

    def bake(self) -> None:
        """From now on as long as by default."""
        self.file.write_text(self.file.read_text().replace('bake = "0s"\n', ""))

    def promote(self) -> Command:
        """What serves in production, to the second environment."""
        return self.command("promote", "production", "second")

    def second_place(self) -> Place:
        """Where promotions lead."""
        assert self.second
        return Place(self.second.port, self.second.sshd._process.pid, tuple(self.links))

    def close(self) -> None:
        """See Contender."""
        super().close()
        if self.second:
            self.second.close()


class Ground(Legacy):
    """A server with node, npm and pm2 of its own, where nothing was deployed yet."""

    def __init__(self) -> None:
        super().__init__(times=0)
        self.old_dotenv(f"file:{self.database}")

    def _build(self) -> Path:
        return self.root

    def host(self, port: int) -> Path:
        """A file for `ssh -F` in which the server is called vps."""
        hosts, config = self.root / "known_hosts", self.root / "ssh_config"
        hosts.write_text(self.sshd.host_key_line.replace(str(self.sshd.port), str(port)))
        values = {
            "HostName": "127.0.0.1",
            "Port": port,
            "User": self.sshd.user,
            "IdentityFile": self.sshd.client_key,
        }
        values |= {"IdentitiesOnly": "yes", "UserKnownHostsFile": hosts}
        config.write_text("Host vps\n" + "".join(f"  {key} {value}\n" for key, value in values.items()))
        return config


class Script(Contender):
    """A plain script: `scripts/NAME.sh deploy`, from a checkout of its own each time."""

    def _ground(self) -> Site:
        return Ground()

    def _begin(self) -> None:
        assert isinstance(self.site, Ground)
        self.number, self.work = 0, self.site.root / "runner"
        self.fixed: dict[str, Any] = {
            "SSH_CONFIG": self.site.host(self.port),
            "APP": self.site.path,
            "NAME": NAME,
            "PORT": self.site.port,
            "REPO": self.site.repo,
            "WORK": self.work,
            "PACKAGE": self.site.sshd.home / "backend-deploy.tar.gz",
            "DATABASE_URL": "file:./build.db",
        }

    def prepare(self) -> None:
        """A new runner has no checkout yet; and the next release has a name of its own."""
        self.number += 1
        if self.work.exists():
            remove(self.work)

    def env(self) -> Mapping[str, str]:
        """What the scripts are told."""
        told = self.fixed | {
            "RELEASE": f"r{self.number:03d}",
            "REVISION": self.site.git("rev-parse", "HEAD").strip(),
        }
        return self.site._deployer_env() | {name: str(value) for name, value in told.items()}

    def command(self, word: str) -> Command:
        """`NAME.sh WORD`."""
        return Command(("bash", str(SCRIPTS / f"{self.name}.sh"), word), self.site.root, self.env())

    def deploy(self) -> Command:
        """See Contender."""
        return self.command("deploy")

    def rollback(self) -> Command:
        """See Contender."""
        return self.command("rollback")


class Spec(Script):
    """The workflow of the spec: tar.gz, scp, mv, npm ci, migrate, reload, ten seconds, health."""

    name = "spec"


class Rsync(Script):
    """rsync --link-dest, a symlink, a reload."""

    name = "rsync"


class Pm2(Script):
    """`pm2 deploy`. The server fetches from the repository on its own disk, which costs its link nothing."""

    name = "pm2"

    def _begin(self) -> None:
        super()._begin()
        sshd = self.site.sshd
        self.fixed |= {
            "PM2_HOME": self.site.root / "pm2-here",
            "USER": self.site.root.name,  # its log lies in /tmp, by this name
            "SSH_PORT": self.port,
            "SSH_USER": sshd.user,
            "SSH_KEY": sshd.client_key,
            "SSH_HOSTS": self.site.root / "known_hosts",
            "PATH": f"{pm2_folder() / 'node_modules/.bin'}:{os.environ['PATH']}",
        }
        self.set_up = False

    def command(self, word: str) -> Command:
        """`pm2 deploy CONFIG production WORD`, after the set-up the first time."""
        line = f"pm2 deploy {SCRIPTS / 'pm2.config.js'} production"
        last = f"{line} revert 1" if word == "rollback" else f"{line} --force"
        if not self.set_up:
            self.set_up, last = True, f"{line} setup && {last}"
        return Command(("bash", "-ec", last), self.site.repo, self.env())

    def close(self) -> None:
        """See Contender; pm2's own log goes, too."""
        super().close()
        if hasattr(self, "site"):
            Path(f"/tmp/pm2-deploy-{self.site.root.name}.log").unlink(missing_ok=True)


CONTENDERS: dict[str, type[Contender]] = {one.name: one for one in (Turnout, Spec, Rsync, Pm2)}
