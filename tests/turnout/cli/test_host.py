"""`turnout host trust`, against a real OpenSSH server on loopback."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sshd import SSHD, RealSshd
from turnout.cli import main

pytestmark = [pytest.mark.integration, pytest.mark.skipif(not SSHD, reason="no sshd here")]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[RealSshd]:
    server = RealSshd(tmp_path / "server")
    yield server
    server.stop()


@pytest.fixture
def known(sshd: RealSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without known hosts, and a turnout.toml that names the server."""
    monkeypatch.setenv("HOME", str(tmp_path / "mine"))
    monkeypatch.chdir(tmp_path)
    text = f'app = "api"\n[environments.production]\nhosts = ["{sshd.user}@127.0.0.1:{sshd.port}"]\npath = "/srv/api"\n'
    (tmp_path / "turnout.toml").write_text(text)
    return tmp_path / "mine" / ".ssh" / "known_hosts"


class Person(io.StringIO):
    """Someone at a terminal who answers."""

    def isatty(self) -> bool:
        return True


def test_yes_makes_it_known_once(known: Path, sshd: RealSshd, capsys: pytest.CaptureFixture[str]) -> None:
    """With --yes the key that is shown is remembered; the second time it is known already."""
    for _ in range(2):
        assert main.run(["host", "trust", "--yes", "--json"]) == 0
        captured = capsys.readouterr()
        (told,) = json.loads(captured.out)["hosts"]
        assert told["key"] in captured.err
        assert known.read_text().count("\n") == 1
    assert "known already" in captured.err
    assert sshd.host_key_line.split()[2] in known.read_text()


@pytest.mark.parametrize("answer, code", [("y\n", 0), ("n\n", 21), ("\n", 21), ("", 21)])
def test_a_person_decides(known: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
    """Only a clear yes makes a key known."""
    monkeypatch.setattr("sys.stdin", Person(answer))
    assert main.run(["host", "trust", "production"]) == code
    assert known.exists() == (code == 0)


def test_nobody_to_ask(
    known: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal and without --yes nothing becomes known; the key is shown all the same."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main.run(["host", "trust"]) == 2
    assert "SHA256:" in capsys.readouterr().err
    assert not known.exists()


def test_another_key_needs_replace(known: Path, sshd: RealSshd, capsys: pytest.CaptureFixture[str]) -> None:
    """A host whose key changed is refused with both fingerprints, until --replace says it is meant."""
    line = sshd.host_key_line.split()
    client = (sshd.folder / "client_key.pub").read_text().split()
    known.parent.mkdir(parents=True)
    known.write_text(f"{line[0]} {client[0]} {client[1]}\n")
    assert main.run(["host", "trust", "--yes"]) == 21
    said = capsys.readouterr().err
    assert said.count("SHA256:") == 3
    assert "--replace" in said
    assert main.run(["host", "trust", "--yes", "--replace"]) == 0
    assert client[1] not in known.read_text()


def test_given_lines_count_alone(
    known: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With VPS_KNOWN_HOSTS the user's file plays no part, so there is nothing to add to."""
    monkeypatch.setenv("VPS_KNOWN_HOSTS", "a ssh-ed25519 AAAA")
    assert main.run(["host", "trust", "--yes"]) == 2
    assert "VPS_KNOWN_HOSTS" in capsys.readouterr().err
