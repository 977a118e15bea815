from __future__ import annotations

from pathlib import Path

import pytest

from turnout.builder.cache import Cache
from turnout.config import Reach
from turnout.doctor import machine
from turnout.model import Address, Secret

HOST = Address("203.0.113.5", "deploy")


@pytest.mark.parametrize(
    "agent,files,locked,level,said",
    [
        (2, 0, [], "ok", "2 in the agent"),
        (0, 1, [], "ok", "1 file"),
        (1, 2, ["/h/.ssh/id_rsa"], "ok", "1 in the agent, 2 files"),
        (0, 0, ["/h/.ssh/id_rsa"], "warning", "every SSH key has a passphrase, and none is in an agent"),
        (0, 0, [], "warning", "there is no SSH key to log in with"),
    ],
)
def test_the_keys_that_a_login_can_use(
    agent: int, files: int, locked: list[str], level: str, said: str
) -> None:
    """Keys in the agent or in files do; a locked file in no agent does not, and its ssh-add is the remedy."""
    found = machine.own_keys(agent, files, [Path(file) for file in locked])
    assert (found.level, found.message) == (level, said)
    assert [line for line in found.remedy if line.startswith("ssh-add")] == [
        f"ssh-add {file}" for file in locked if level == "warning"
    ]


async def test_a_key_that_cannot_be_read_is_a_finding_without_its_text() -> None:
    """VPS_SSH_KEY is checked here, before any host is asked; nothing of it is shown."""
    key = Secret("-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n")
    [found] = await machine.keys(Reach((HOST,), key))
    assert (found.level, found.exit_code) == ("problem", 2)
    assert "hunter2" not in repr(found)


async def test_deploying_to_this_machine_needs_no_key() -> None:
    """Nothing is said about keys where every host is `local`."""
    assert await machine.keys(Reach((Address.parse("local"),))) == []


async def test_programs_are_found_with_their_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there is named with its version; what is missing is a problem with what to install."""
    assert (await machine.git()).level == "ok"
    assert (await machine.npm()).message[:1].isdigit()
    monkeypatch.setenv("PATH", str(tmp_path))
    for found in (await machine.git(), await machine.npm(), await machine.node()):
        assert (found.level, found.exit_code) == ("problem", 2)
        assert found.remedy


async def test_a_registry_that_does_not_answer_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing may have to be fetched at all, so that it is no problem; npm's own words are the reason."""
    fake = tmp_path / "npm"
    fake.write_text("#!/bin/sh\necho 'npm error code ECONNREFUSED' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = await machine.answers()
    assert (found.level, found.why) == ("warning", ("npm error code ECONNREFUSED",))


async def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After PATIENCE the look goes on without it, and no process stays."""
    pid = tmp_path / "pid"
    fake = tmp_path / "npm"
    fake.write_text(f"#!/bin/sh\necho $$ > {pid}\nexec sleep 600\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(machine, "PATIENCE", 1.0)
    found = await machine.answers()
    assert found.why == ("no answer within 1 s",)
    assert not Path("/proc", pid.read_text().strip()).exists()


def test_a_cache_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    """Its folder is a file here, which stops root, too."""
    (tmp_path / "file").write_text("")
    assert machine.kept(Cache(tmp_path / "cache")).level == "ok"
    found = machine.kept(Cache(tmp_path / "file"))
    assert (found.level, found.exit_code) == ("problem", 2)
