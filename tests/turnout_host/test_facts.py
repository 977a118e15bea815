from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from turnout_host import children, facts
from turnout_host.errors import SurveyError
from turnout_host.layout import Layout

MARK = facts.MARK


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(facts, "_env", None)


def shell(tmp_path: Path, monkeypatch, text: str) -> None:
    """Make a program of `text` the user's login shell."""
    path = tmp_path / "shell"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    monkeypatch.setattr(facts, "_shell", lambda: str(path))


@pytest.mark.parametrize(
    "output, expected",
    [
        (
            b"Welcome!\nPATH=/evil\n" + MARK + b"PATH=/a:/b\0X=1=2\0" + MARK + b"bye",
            {"PATH": "/a:/b", "X": "1=2"},
        ),
        (MARK + b"F=() {\n  x\n}\0" + MARK, {"F": "() {\n  x\n}"}),
        (MARK + MARK, {}),
        (MARK + b"PATH=/half", {}),
        (b"", {}),
    ],
)
def test_variables_stand_between_the_marks(output, expected):
    """Noise of a profile, before and after, is not taken for variables; half an answer is none."""
    assert facts.parsed(output) == expected


def test_the_login_shell_is_asked_once(tmp_path, monkeypatch):
    """PATH and PM2_HOME come from the login shell, whatever its profile prints, and from one call."""
    shell(
        tmp_path,
        monkeypatch,
        f'echo x >>{tmp_path}/calls; echo "Last login: today"; PATH=/opt/own:$PATH PM2_HOME=/srv/pm2 exec sh -c "$2"',
    )
    assert facts.shell_env()["PATH"].startswith("/opt/own:")
    assert facts.pm2_home() == "/srv/pm2"
    assert (tmp_path / "calls").read_text() == "x\n"


def test_a_shell_that_leaves_something_running(tmp_path, monkeypatch):
    """A profile that starts an agent which keeps the output open does not hold us up, and the agent is not harmed."""
    shell(
        tmp_path,
        monkeypatch,
        f'sh -c "echo \\$\\$ >{tmp_path}/agent; exec sleep 60" & '
        f'until [ -s {tmp_path}/agent ]; do :; done; exec sh -c "$2"',
    )
    try:
        assert facts.shell_env()["PATH"]
    finally:
        os.kill(int((tmp_path / "agent").read_text()), 9)


def test_what_a_profile_starts_does_not_carry_our_mark(tmp_path, monkeypatch):
    """An agent or a PM2 that `.profile` starts is the user's, and no sweep may take it for one of our leftovers."""
    shell(tmp_path, monkeypatch, f'env >{tmp_path}/seen; exec sh -c "$2"')
    monkeypatch.setattr(children, "_owner", "/srv/app")
    assert facts.shell_env()["PATH"]
    assert children.MARK not in (tmp_path / "seen").read_text()


@pytest.mark.parametrize("text", ["exit 1", "echo nonsense"])
def test_a_shell_that_does_not_answer(tmp_path, monkeypatch, text):
    """Then our own PATH serves, this time and every time."""
    shell(tmp_path, monkeypatch, text)
    assert facts.shell_env()["PATH"] == os.environ["PATH"]
    assert children._running == {}


def test_a_shell_that_takes_too_long(tmp_path, monkeypatch):
    """It may know of another PM2_HOME, as it did last time: that is said, not guessed, and the shell is ended."""
    monkeypatch.setattr(facts, "SHELL_PATIENCE", 0.3)
    shell(tmp_path, monkeypatch, "exec sleep 60")
    with pytest.raises(
        SurveyError, match=r"did not answer within 0\.3 s, so PM2_HOME is not known"
    ) as caught:
        facts.pm2_home()
    assert caught.value.detail["remedy"] == [f"see what it waits for: time {tmp_path}/shell -lc true"]
    assert children._running == {}


def test_a_shell_that_answers_and_does_not_end(tmp_path, monkeypatch):
    """What it said counts; a logout script that hangs is not our concern."""
    monkeypatch.setattr(facts, "SHELL_PATIENCE", 0.3)
    shell(tmp_path, monkeypatch, 'PM2_HOME=/srv/pm2 sh -c "$2"; exec sleep 60')
    assert facts.pm2_home() == "/srv/pm2"
    assert children._running == {}


def test_all_facts(tmp_path, monkeypatch):
    """What docs/protocol.md lists is there, for a path that does not exist yet, and no daemon was started."""
    shell(tmp_path, monkeypatch, f'export PM2_HOME={tmp_path}/pm2; exec sh -c "$2"')
    found = facts.facts(Layout(str(tmp_path / "not/there/yet")))
    assert set(found) >= {
        "platform", "python", "user", "home", "node", "npm", "pm2", "pm2_home", "daemon", "disk", "boot", "shell",
        "time",
    }  # fmt: skip
    assert found["platform"] in ("linux-x64-glibc", "linux-arm64-glibc", "linux-x64-musl", "linux-arm64-musl")
    assert found["node"]["version"].split(".")[0].isdigit()
    assert found["npm"]["version"].split(".")[0].isdigit()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["daemon"] is None
    assert found["disk"]["free"] > 0
    assert not (tmp_path / "pm2").exists()
    assert not (tmp_path / "not").exists()


def test_pm2_version_is_read(tmp_path, monkeypatch):
    """PM2's version comes from its package.json: its command would start a daemon."""
    package = tmp_path / "node_modules/pm2"
    (package / "bin").mkdir(parents=True)
    (package / "package.json").write_text('{"name": "pm2", "version": "5.4.3"}')
    (package / "bin/pm2").write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    (package / "bin/pm2").chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pm2").symlink_to(package / "bin/pm2")
    monkeypatch.setattr(facts, "_env", {"PATH": f"{tmp_path}/bin"})
    assert facts._tool("pm2") == {"path": f"{tmp_path}/bin/pm2", "version": "5.4.3"}
    assert facts._tool("npm") is None
    assert not (tmp_path / "was-run").exists()


def test_our_own_links_are_no_tools_of_the_host(tmp_path, monkeypatch):
    """What Turnout linked into ~/.local/bin leads into a layer, which a later prune may take away."""
    layer, mine, own = tmp_path / "app/.turnout/layers/node-20/bin", tmp_path / "local", tmp_path / "own"
    for folder in (layer, mine, own):
        folder.mkdir(parents=True)
    for name in ("node", "npm"):
        (layer / name).symlink_to("/bin/true")
        (mine / name).symlink_to(layer / name)
    (own / "node").symlink_to("/bin/echo")
    monkeypatch.setattr(facts, "_env", {"PATH": f"{mine}:{layer}:{own}"})
    assert facts._tool("node")["path"] == f"{own}/node"
    assert facts._tool("npm") is None
