"""Backups: whole or not at all, and kept for as long as is right."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import sqlite3
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turnout_host.test_state import fold, life
from turnout_host import backups
from turnout_host.calls import keeping
from turnout_host.errors import StoreError, SurveyError, UsageError
from turnout_host.host import Args, Host
from turnout_host.layout import Layout

DAY = 86400.0


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An app's folders."""
    made = Layout(str(tmp_path / "app"))
    made.prepare()
    return made


def make(layout: Layout, command: str, name: str = "one") -> backups.Made:
    """A backup by this command."""
    env = {"PATH": "/usr/bin:/bin", "SECRET": "from the dotenv"}
    return backups.make(layout, name, command, layout.path, env, lambda kind, line: None)


def test_what_the_command_wrote_is_kept_and_nothing_else(layout: Layout) -> None:
    """Its standard error is not part of it; it sees the dotenv's values; the file is 0600."""
    made = make(layout, 'echo note >&2; printf "%s" "$SECRET"')

    file = backups.file(layout, "one")
    assert gzip.decompress(file.read_bytes()) == b"from the dotenv"
    assert (made.size, made.packed) == (15, file.stat().st_size)
    assert made.digest == hashlib.sha256(b"from the dotenv").hexdigest()
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(layout.tmp.iterdir()) == []


@pytest.mark.parametrize("command", ["echo half; exit 1", "true", "echo half; kill -9 $$"])
def test_a_command_that_fails_or_says_nothing_leaves_nothing(layout: Layout, command: str) -> None:
    """Neither a backup nor a temp file."""
    with pytest.raises(SurveyError):
        make(layout, command)
    assert list(layout.backups.iterdir()) == list(layout.tmp.iterdir()) == []


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("mount"), reason="mounting a small file system needs root"
)
def test_a_full_disk_is_told_as_such_and_leaves_nothing(layout: Layout) -> None:
    """The command is ended, the half file goes, the place is free again: the app goes on writing its logs."""
    if os.system(f"mount -t tmpfs -o size=1m tmpfs {layout.path} 2>/dev/null") != 0:
        pytest.skip("no mounts here")
    try:
        layout.prepare()
        free = os.statvfs(layout.path).f_bfree
        with pytest.raises(SurveyError, match="No space left"):
            make(layout, "head -c 4000000 /dev/urandom; sleep 600")
        assert list(layout.backups.iterdir()) == list(layout.tmp.iterdir()) == []
        assert os.statvfs(layout.path).f_bfree == free
    finally:
        os.system(f"umount {layout.path}")


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Host]:
    """One connection, with the lease in its hand; v1 is staged."""
    made = Host(str(tmp_path / "app"))
    made.lease.acquire(lambda: 0, {"deployment": "d"}, 0.0, lambda _: None)
    made.deployment = "d"
    made.layout.release("v1").mkdir()
    made.journal.append("release.staged", "d", release="v1")
    made.journal.append("release.prepared", "d", release="v1", toolchain={"node": None, "pm2": None})
    yield made
    made.lease.release()


def by_hand(there: Host, name: str, **more: object) -> Any:
    """`turnout backup --name`, as far as the host sees it."""
    asked = {"release": "v1", "command": "echo data", "name": name, "why": "by hand", "by": "ann", **more}
    return keeping.call_backup(there, Args(asked), lambda _: None)


class Dead(Exception):
    """The host program is killed here."""


def dies_at(there: Host, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies before this entry is written."""
    append = there.journal.append

    def until(what: str, *args: Any, **fields: Any) -> Any:
        if what == kind:
            raise Dead
        return append(what, *args, **fields)

    monkeypatch.setattr(there.journal, "append", until)


def test_one_that_died_before_it_was_written_down_can_be_made_again(
    there: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the same name: its file is nobody's, and goes. A file that a person put there is never touched."""
    with monkeypatch.context() as patched:
        dies_at(there, "backup.made", patched)
        with pytest.raises(Dead):
            by_hand(there, "before-big-change")
    assert backups.file(there.layout, "before-big-change").exists()

    assert by_hand(there, "before-big-change")["made"]["name"] == "before-big-change"

    backups.file(there.layout, "mine").write_bytes(b"by hand")
    with pytest.raises(UsageError, match="already"):
        by_hand(there, "mine")
    by_hand(there, "another")
    assert backups.file(there.layout, "mine").read_bytes() == b"by hand"


def test_one_whose_removal_was_cut_short_is_removed_by_the_next(
    there: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the file and the journal: the list says that it is gone, and the next one takes it off."""
    retention = {"keep": 1, "max_age": None}
    by_hand(there, "one")
    with monkeypatch.context() as patched:
        dies_at(there, "backup.removed", patched)
        with pytest.raises(Dead):
            by_hand(there, "two", retention=retention)
    assert [one["there"] for one in backups.listed(there.layout, there.journal.state)] == [True, False]

    assert by_hand(there, "three", retention=retention)["removed"] == ["two", "one"]
    assert [path.name for path in there.layout.backups.iterdir()] == ["three.gz"]


@pytest.mark.skipif(not shutil.which("sqlite3"), reason="the command of docs/backup.md needs sqlite3")
@pytest.mark.parametrize("state", ["well", "new", "locked", "hurt"])
def test_the_pages_command_for_sqlite_never_keeps_half_a_database(
    layout: Layout, tmp_path: Path, state: str
) -> None:
    """`.dump` alone ends with status 0 where the database is locked or hurt, with a text that restores to nothing."""
    page = (
        (Path(__file__).parents[2] / "docs/backup.md")
        .read_text()
        .partition("```toml\n")[2]
        .partition("```")[0]
    )
    database = tmp_path / "app.db"
    command = tomllib.loads(page)["environments"]["production"]["database_backup"]
    command = command.replace("/srv/api/app.db", str(database)).replace("20000", "20")
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as opened:
        if state != "new":
            opened.execute("CREATE TABLE t (x)")
            opened.executemany("INSERT INTO t VALUES (?)", [("row" * 100,) for _ in range(500)])
        if state == "locked":
            opened.execute("BEGIN EXCLUSIVE")
        if state == "hurt":
            data = database.read_bytes()
            database.write_bytes(data[: len(data) // 2] + b"\xff" * 4096 + data[len(data) // 2 + 4096 :])
        if state in {"well", "new"}:
            assert make(layout, command).size
        else:
            with pytest.raises(SurveyError, match="failed with status 1"):
                make(layout, command)


def test_a_name_is_used_once(layout: Layout) -> None:
    """A backup is never overwritten; one that nobody named finds another name."""
    make(layout, "echo 1")
    with pytest.raises(UsageError):
        make(layout, "echo 2")
    assert backups.free_name(layout, "one") == "one-2"


@pytest.mark.parametrize("name", ["", "../x", "A", "-x", ".x", "a/b", "x" * 64])
def test_what_is_no_name_is_refused(layout: Layout, name: str) -> None:
    """It becomes a file's name."""
    with pytest.raises(UsageError):
        backups.file(layout, name)


@pytest.mark.parametrize("hurt", ["flipped", "short", "empty", "gone", "other"])
def test_a_hurt_backup_is_found(layout: Layout, hurt: str) -> None:
    """Whatever happened to the file."""
    made, file = make(layout, "seq 10000"), backups.file(layout, "one")
    data = file.read_bytes()
    middle = len(data) // 2
    file.write_bytes(
        {
            "flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
            "short": data[:middle],
            "empty": b"",
            "gone": b"",
            "other": gzip.compress(b"another"),
        }[hurt]
    )
    if hurt == "gone":
        file.unlink()
    with pytest.raises(StoreError):
        backups.check(layout, {"name": "one", "size": made.size, "digest": made.digest})


def backup(name: str, release: str | None, day: int, named: bool = False) -> tuple[str, dict[str, object]]:
    """An entry of the journal; `day` counts from the first."""
    return "backup.made", {"name": name, "release": release, "ts": day * DAY, "named": named}


def pinned(release: str, by_backup: str | None = None) -> tuple[str, dict[str, object]]:
    """A pin by a person, or one that came with an unnamed backup."""
    return "release.pinned", {"release": release, "backup": by_backup}


LIVES = [*life("v1"), *life("v2"), *life("v3")]


@pytest.mark.parametrize(
    "entries, keep, max_age, expected",
    [
        ([backup("a", "v1", 1), backup("b", "v1", 2), backup("c", "v1", 3)], 2, None, ["a"]),
        ([backup("a", "v1", 1), backup("b", "v1", 2)], 5, 7 * DAY, ["a"]),
        ([backup("a", "v1", 1)], 5, 1 * DAY, []),  # the newest of all
        ([backup("a", "v3", 1), backup("b", "v1", 2), backup("c", "v1", 3)], 1, None, ["b"]),  # v3 runs
        (
            [backup("a", "v2", 1), backup("b", "v1", 2), backup("c", "v1", 3)],
            1,
            None,
            ["b"],
        ),  # v2: the last good one
        ([backup("a", "v1", 1), backup("c", "v3", 3)], 1, None, ["a"]),
        ([backup("a", "v1", 1), backup("c", "v3", 3), pinned("v1")], 1, None, []),
        ([backup("a", "v1", 1), backup("c", "v3", 3), pinned("v1", "a")], 1, None, ["a"]),
        ([backup("a", "v1", 1), backup("b", "v1", 2), backup("c", "v3", 3), pinned("v1")], 1, None, ["a"]),
        ([backup("a", "v1", 1, True), backup("b", "v1", 2), backup("c", "v3", 3), pinned("v1")], 1, None, []),
        ([backup("a", "v1", 1, True), backup("c", "v3", 3)], 1, None, ["a"]),
    ],
)
def test_what_may_go(
    entries: list[tuple[str, dict[str, object]]], keep: int, max_age: float | None, expected: list[str]
) -> None:
    """By count and age; never the newest, nor the newest of a pinned, the running or the last good release."""
    assert backups.outdated(fold(*LIVES, *entries), "v3", keep, max_age, 20 * DAY) == expected


@given(
    st.lists(st.tuples(st.sampled_from(["v1", "v2", "v3", None]), st.booleans()), min_size=1, max_size=12),
    st.integers(1, 4),
    st.sampled_from([None, 0.5 * DAY, 5 * DAY]),
    st.sets(st.sampled_from(["v1", "v2", "v3"])),
)
def test_the_dear_ones_always_stay(
    made: list[tuple[str | None, bool]], keep: int, max_age: float | None, pins: set[str]
) -> None:
    """Whatever the numbers: there is always one of each dear release that ever had one, and the newest of all."""
    entries = [backup(f"b{day}", release, day, named) for day, (release, named) in enumerate(made)]
    state = fold(*LIVES, *entries, *(pinned(release) for release in pins))
    gone = set(backups.outdated(state, "v3", keep, max_age, 100 * DAY))
    stay = {name: one for name, one in state.backups.items() if name not in gone}
    had = {one["release"] for one in state.backups.values()} & (pins | {"v3", "v2"})

    assert f"b{len(made) - 1}" in stay
    assert had <= {one["release"] for one in stay.values()}
    assert all(
        not (one["named"] and one["release"] in pins) for name, one in state.backups.items() if name in gone
    )
