"""The folder of a demo, made for real; nothing is deployed into it."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from turnout import config
from turnout.cli.demo.author import Change, Edit
from turnout.cli.demo.leftovers import processes
from turnout.cli.demo.site import Site
from turnout.errors import TurnoutError
from turnout.model import Secret


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setenv("HOME", str(tmp_path))  # a user without any git settings
    monkeypatch.setenv("VPS_HOST", "203.0.113.5")
    monkeypatch.delenv("TURNOUT_CACHE", raising=False)
    made = Site.make()
    try:
        await made.open()
        yield made
    finally:
        await made.server.close()
        made.remove()
        assert not made.folder.exists()


def public(key: Secret | None) -> bytes:
    """The public half; the text of a private key is another each time."""
    assert key
    return asyncssh.import_private_key(key.reveal()).public_data


async def test_its_turnout_toml_is_whole(site: Site) -> None:
    """As init writes it, with a short bake; the caller's own VPS_HOST is not looked at."""
    target = site.target()
    assert target.config.health.bake == 2.0
    assert target.config.source == "backend"
    assert target.environment.path == str(site.path)
    assert target.reach.hosts == (site.server.address,)
    assert public(target.reach.key) == public(site.server.key)


async def test_its_dotenv_is_private_and_has_every_key(site: Site) -> None:
    """The server's .env has what .env.example names, with a path that all releases share."""
    dotenv = site.path / "shared" / ".env"
    keys = {line.partition("=")[0] for line in dotenv.read_text().splitlines()}
    example = (site.author.folder / "backend" / ".env.example").read_text().splitlines()
    assert keys == {line.partition("=")[0] for line in example if "=" in line}
    assert dotenv.stat().st_mode & 0o777 == 0o600
    assert f"PORT={site.port}" in dotenv.read_text()


async def test_a_second_terminal_knows_the_server(site: Site) -> None:
    """After `. ../demo.env` a plain shell has this turnout, the key, and nothing of its own that leads elsewhere."""
    script = (
        '. ../demo.env; command -v turnout; echo "${VPS_HOST-}|$TURNOUT_CACHE|$VPS_KNOWN_HOSTS|$VPS_SSH_KEY"'
    )
    said = subprocess.run(
        ["sh", "-euc", script], cwd=site.author.folder, check=True, capture_output=True, text=True
    ).stdout
    turnout, _, rest = said.partition("\n")
    host, cache, known_hosts, key = rest.split("|")
    assert Path(turnout) == Path(sys.executable).with_name("turnout")
    assert (host, cache) == ("", str(site.folder / "cache"))
    given = {"VPS_SSH_KEY": key, "VPS_KNOWN_HOSTS": known_hosts}
    assert public(config.reach(site.target().environment, given).key) == public(site.server.key)
    assert known_hosts == site.server.known_hosts.rstrip("\n")
    private = [site.folder / name for name in ("demo.env", "VPS_SSH_KEY")]
    assert [file.stat().st_mode & 0o777 for file in private] == [0o600, 0o600]


async def test_paths_leave_room_for_the_sockets_of_pm2(site: Site) -> None:
    """A socket's path has at most 107 bytes (unix(7))."""
    assert len(str(site.folder / "pm2" / "interactor.sock")) < 107


async def test_the_cache_of_the_caller_is_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was downloaded once is not downloaded for every demo."""
    monkeypatch.setenv("TURNOUT_CACHE", "/somewhere")
    assert site.cache == "/somewhere"


async def test_the_author_commits_and_takes_back(site: Site) -> None:
    """Two commits more, and the file as it was; a user's git settings are not needed."""
    file = site.author.folder / "backend" / "src" / "config" / "greeting.ts"
    before, first = file.read_text(), await site.author.last()
    await site.author.commit(Change("Say hello", (Edit("src/config/greeting.ts", "Welcome to", "Hello,"),)))
    assert "Hello," in file.read_text()
    assert (await site.author.last()).endswith(" Say hello")
    await site.author.take_back()
    assert file.read_text() == before
    assert "Revert" in await site.author.last()
    assert first.endswith(" Blue Video, a small video catalogue")


async def test_a_git_that_fails_says_why(site: Site) -> None:
    """Such as a commit of nothing."""
    with pytest.raises(TurnoutError, match="git commit failed"):
        await site.author.commit(Change("Nothing", ()))


STARTER = (
    "import os, subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True); print(1, flush=True)"
)


async def test_what_the_server_started_is_ended_and_nothing_else(site: Site) -> None:
    """Also a process that has left its session and its parent, like PM2's daemon; a neighbour's is left alone."""
    ours, other = {"HOME": str(site.folder / "server")}, {"HOME": f"{site.folder}-other"}
    subprocess.run([sys.executable, "-c", STARTER], env=ours, check=True, stdout=subprocess.DEVNULL)
    with subprocess.Popen(["sleep", "600"], env=os.environ | other) as neighbour:
        started = processes(site.folder)
        try:
            assert len(started) == 1
            site.remove()
            assert processes(site.folder) == []
            assert neighbour.poll() is None
        finally:
            neighbour.kill()
            for pid in processes(site.folder):
                os.kill(pid, signal.SIGKILL)
