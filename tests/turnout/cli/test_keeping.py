"""What backup and restore show, and what they refuse before anything is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout.cli import backup, main, releases, restore, status

TOML = """
app = "api"
[environments.production]
hosts = ["local"]
path = "/srv/api"
"""
FOUND = {
    "name": "b",
    "ts": 0.0,
    "release": "v2",
    "size": 61_000,
    "packed": 9_000,
    "why": "by hand",
    "by": "ann@laptop",
}


def test_the_list_says_what_is_gone() -> None:
    """A file that a hand removed is no backup any more."""
    host = {"host": "h", "backups": [FOUND | {"there": True}, FOUND | {"name": "c", "there": False}]}
    lines = [" ".join(line.split()) for _, line in backup.screen([host], 7200.0)]
    assert lines[1:] == [
        "backup age release size on disk why by",
        "b 2 h v2 61 kB 9 kB by hand ann@laptop",
        "c 2 h v2 61 kB 9 kB by hand ann@laptop the file is gone",
    ]


@pytest.mark.parametrize("no_backup, last", [(False, "backed up first"), (True, "not kept (--no-backup)")])
def test_before_a_restore_it_is_said_what_will_be_gone(no_backup: bool, last: str) -> None:
    """And whether the present state is kept."""
    host = {"host": "h", "release": "v4"}
    lines = [line for _, line in restore.warning("production", host, FOUND, no_backup, 7200.0)]
    assert lines[0] == "b is 2 h old: 61 kB, made when v2 ran"
    assert "will be gone" in lines[1]
    assert last in lines[-1]


@pytest.mark.parametrize(
    "words, said",
    [
        (["backup"], "production has no `database_backup`"),
        (["restore", "b", "--yes"], "production has no `database_restore`"),
        (["restore", "production", "--yes"], "which backup?"),
        (["pin", "production"], "which release?"),
        (["env", "unset"], "which key?"),
        (["env", "push"], "which file?"),
    ],
)
def test_what_is_missing_is_said_before_a_host_is_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    """2, and nothing was done."""
    (tmp_path / "turnout.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    assert main.run([*words, "--json"]) == 2
    assert said in capsys.readouterr().err


def test_pins_and_changes_of_the_dotenv_are_seen_in_the_lists() -> None:
    """In `releases` beside the state and the subject, in `status` behind the state."""
    one = {
        "release": "v2",
        "state": "blessed",
        "pinned": {"by": "ann"},
        "env": ["PORT"],
        "subject": "First",
        "blessed": True,
    }
    host = {"host": "h", "release": "v2", "current": "v2", "releases": [one]}
    (row,) = [line for _, line in releases.screen([host], 0.0) if "v2" in line]
    assert "blessed, pinned" in row
    assert row.endswith("First (.env: PORT)")
    assert "  releases   v2 blessed (pinned)" in [
        line for _, line in status.screen("a", "e", [host], False, 0.0)
    ]
