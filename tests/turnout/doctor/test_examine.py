"""The whole of it: a real repository, the real host program over the local transport, real sshd; only npm is spared."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.sshd import RealSshd, free_port
from turnout.cli import main
from turnout.doctor import Asked, Finding, audit, examine, exit_code, machine

TOML = """
app = "api"
source = "backend"
node = ">=18"

[environments.production]
hosts = {hosts}
path = "{path}"
branches = ["main"]
"""


async def registry() -> Finding:
    """A registry that answers, without the network."""
    return machine.AT.ok("registry", "answers")


async def nothing_known(_: Path) -> list[Finding]:
    """A registry that knows of no holes."""
    return [audit.AT.ok("npm audit", "no known holes in the production dependencies")]


@pytest.fixture
def folder(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository as working folder; a home, cache and PM2_HOME with nothing in them."""
    for name in (
        "VPS_HOST",
        "VPS_USER",
        "VPS_PORT",
        "VPS_SSH_KEY",
        "VPS_KNOWN_HOSTS",
        "SSH_AUTH_SOCK",
        "NO_COLOR",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "TURNOUT_CACHE", "PM2_HOME"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("TURNOUT_BOOT", "none")
    monkeypatch.setattr(machine, "answers", registry)
    monkeypatch.setattr(audit, "look", nothing_known)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(repo)
    return repo


def toml(folder: Path, *hosts: str) -> Path:
    """Write turnout.toml; gives the app's path on the host."""
    path = folder.parent / "srv"
    (folder / "turnout.toml").write_text(TOML.format(hosts=json.dumps(hosts), path=path))
    return path


async def look(folder: Path, **variables: str) -> list[Finding]:
    return await examine(Asked(None, None, folder, variables), lambda _: None, lambda _: None)


def at(found: list[Finding], where: str, level: str) -> dict[str, str]:
    return {one.check: one.message for one in found if one.where == where and one.level == level}


async def test_a_host_without_a_dotenv(folder: Path) -> None:
    """Everything is well but what a first deployment needs by hand."""
    path = toml(folder, "local")
    found = await look(folder)
    assert at(found, "local", "problem") == {"dotenv": "there is no .env on this host yet"}
    assert set(at(found, "local", "warning")) == {"boot"}
    assert {"login", "platform", "disk", "clock", "tools", "pm2", "current", "lease"} <= set(
        at(found, "local", "ok")
    )
    assert at(found, "the app", "warning") == at(found, "the app", "problem") == {}
    assert exit_code(found) == 23
    [remedy] = next(one for one in found if one.check == "dotenv" and one.level == "problem").remedy
    assert remedy == f"cp .env {path}/shared/.env"


async def test_keys_that_the_host_lacks_are_named_without_values(folder: Path) -> None:
    """Those of .env.example in the revision."""
    shared = toml(folder, "local") / "shared"
    shared.mkdir(parents=True)
    (shared / ".env").write_text("PORT=1\nOTHER=hunter2\n")
    found = await look(folder)
    assert at(found, "local", "problem") == {"dotenv": "the .env lacks keys that .env.example names: API_KEY"}
    (shared / ".env").write_text("PORT=1\nAPI_KEY=hunter2\n")
    found = await look(folder)
    assert at(found, "local", "ok")["dotenv"] == "2 keys, all that .env.example names"
    assert (exit_code(found), "hunter2" in repr(found)) == (0, False)


async def test_one_host_that_cannot_be_reached_does_not_hide_the_others(folder: Path) -> None:
    """Each is told of; the worst gives the exit code."""
    bad = f"deploy@127.0.0.1:{free_port()}"
    toml(folder, bad, "local")
    found = await look(folder)
    assert at(found, bad, "problem") == {"login": f"{bad} cannot be reached"}
    assert set(at(found, bad, "warning")) == {"host key"}
    assert at(found, "local", "ok")
    assert exit_code(found) == 20


async def test_a_host_key_that_is_not_known(folder: Path, tmp_path: Path) -> None:
    """21 with both ways out; once it is known, its fingerprint is told."""
    server = RealSshd(tmp_path / "sshd")
    try:
        toml(folder, str(server.address))
        key = server.client_key.read_text()
        found = await look(folder, VPS_SSH_KEY=key)
        assert set(at(found, str(server.address), "problem")) == {"host key"}
        assert exit_code(found) == 21
        found = await look(folder, VPS_SSH_KEY=key, VPS_KNOWN_HOSTS=server.host_key_line)
        assert at(found, str(server.address), "ok")["host key"].startswith("ssh-ed25519 SHA256:")
        assert at(found, "this machine", "ok")["ssh key"].startswith("VPS_SSH_KEY, ssh-ed25519 SHA256:")
        assert exit_code(found) == 23
        (tmp_path / "sshd/authorized_keys").write_text("")
        found = await look(folder, VPS_SSH_KEY=key, VPS_KNOWN_HOSTS=server.host_key_line)
        assert exit_code(found) == 22
    finally:
        server.stop()


@pytest.mark.parametrize(
    "text,variables,check",
    [
        ("app = 1", {}, "turnout.toml"),
        (None, {"VPS_PORT": "many"}, "hosts"),
        (None, {"VPS_SSH_KEY": "hunter2"}, "hosts"),
    ],
)
async def test_a_configuration_that_is_wrong(
    folder: Path, text: str | None, variables: dict[str, str], check: str
) -> None:
    """2; this machine is looked at all the same, and no value of a variable is shown."""
    toml(folder, "local")
    if text:
        (folder / "turnout.toml").write_text(text)
    found = await look(folder, **variables)
    assert set(at(found, "the app", "problem")) == {check}
    assert at(found, "this machine", "ok")["git"]
    assert (exit_code(found), "hunter2" in repr(found)) == (2, False)


def test_the_screen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Parts in their order, what is well in a line each, then what is not with where, why and what to type."""
    path = toml(folder, "local")
    assert main.run(["doctor"]) == 23
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert told.out == ""
    titles = [lines.index(title) for title in ("this machine", "api · production", "local")]
    assert titles == sorted(titles)
    end = lines.index("✗ there is no .env on this host yet")
    assert lines[end + 1 : end + 4] == [
        "  where  local, dotenv",
        f"  why    {path}/shared/.env",
        f"  do     cp .env {path}/shared/.env",
    ]
    assert re.fullmatch(r"✗ \d+ checks are well · \d warnings? · 1 problem", lines[-1])
    assert max(map(len, lines)) <= 80 + len(str(path))


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object on stdout, nothing on stderr."""
    toml(folder, "local")
    assert main.run(["doctor", "production", "--json"]) == 23
    told = capsys.readouterr()
    findings = json.loads(told.out)["findings"]
    assert told.err == ""
    assert {frozenset(one) for one in findings} == {
        frozenset({"where", "check", "level", "message", "why", "remedy"})
    }
    assert {one["level"] for one in findings} == {"ok", "warning", "problem"}


def test_quiet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what is not well, and the count."""
    toml(folder, "local")
    main.run(["doctor", "-q"])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("!")
    assert not [line for line in lines if "✓" in line]
