"""The journal on disk: whole lines, in order, whoever writes and whoever dies."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout_host.errors import LeaseLost
from turnout_host.journal import Journal
from turnout_host.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(str(tmp_path / "app"))
    made.prepare()
    return made


def test_what_was_appended_is_read_by_the_next_program(layout: Layout) -> None:
    """State survives the program that wrote it."""
    Journal(layout).append("release.staged", "d", release="v1")
    assert list(Journal(layout).state.releases) == ["v1"]


def test_two_writers_number_their_entries_in_one_row(layout: Layout) -> None:
    """Host program and pointsman never give a number twice and never mix lines."""
    writers = [Journal(layout), Journal(layout)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda writer: [writer.append("x", "d") for _ in range(50)], writers))
    numbers = [json.loads(line)["seq"] for line in layout.journal.read_text().splitlines()]
    assert numbers == list(range(1, 101))


def test_an_entry_that_could_not_be_made_durable_is_not_there(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line is taken back: the next reader would believe it, though the disk may not have it."""
    journal, answers = Journal(layout), iter([None, OSError(errno.EIO, "input/output error"), None])

    def fsync(_: int) -> None:
        if error := next(answers):
            raise error

    monkeypatch.setattr(os, "fsync", fsync)
    journal.append("release.staged", "d", release="v1")
    with pytest.raises(OSError, match="input/output"):
        journal.append("release.staged", "d", release="v2")
    assert list(Journal(layout).state.releases) == ["v1"]
    journal.append("release.staged", "d", release="v3")
    assert [entry["seq"] for entry in Journal(layout).since(0, "d")] == [1, 2]


def test_a_reader_sees_what_others_append(layout: Layout) -> None:
    """`since` follows another writer, for one deployment only."""
    reader, writer = Journal(layout), Journal(layout)
    writer.append("x", "mine")
    writer.append("x", "other")
    assert [entry["seq"] for entry in reader.since(0, "mine")] == [1]


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(min_value=1, max_value=60))
def test_a_line_that_was_cut_is_dropped_by_the_next_append(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """A writer that died in the middle of a line loses that line and no other."""
    layout = Layout(str(tmp_path_factory.mktemp("j") / "app"))
    layout.prepare()
    journal = Journal(layout)
    journal.append("release.staged", "d", release="v1")
    whole = layout.journal.read_bytes()
    journal.append("release.staged", "d", release="v2")
    layout.journal.write_bytes(layout.journal.read_bytes()[: len(whole) + cut])
    after = Journal(layout)
    after.append("release.staged", "d", release="v3")
    names = [json.loads(line)["release"] for line in layout.journal.read_text().splitlines()]
    assert names == ["v1", "v3"]
    assert list(Journal(layout).state.releases) == ["v1", "v3"]


def test_an_old_token_writes_nothing(layout: Layout) -> None:
    """The token is asked at every write."""

    def old() -> int:
        raise LeaseLost("old")

    with pytest.raises(LeaseLost):
        Journal(layout, old).append("x", "d")
    assert not layout.journal.exists()


def test_a_token_below_the_newest_in_the_journal_writes_nothing(layout: Layout) -> None:
    """Also when a hand removed the lease file and two programs each hold one of their own."""
    Journal(layout, lambda: 2).append("x", "newer")
    with pytest.raises(LeaseLost):
        Journal(layout, lambda: 1).append("x", "older")


def test_nobody_reads_a_line_before_it_is_durable(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader waits for the writer; what an fsync refused was never there for it."""
    writer, reader, seen = Journal(layout), Journal(layout), list[int]()
    writing, real = threading.Event(), os.fsync

    def fsync(descriptor: int) -> None:
        writing.set()
        thread.join(0.1)  # the reader is at it
        if not seen:
            raise OSError(errno.EIO, "input/output error")
        real(descriptor)

    def read() -> None:
        writing.wait(10)
        reader.refresh()
        seen.append(reader.state.seq)

    thread = threading.Thread(target=read)
    thread.start()
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="input/output"):
        writer.append("release.staged", "d", release="v1")
    thread.join()
    assert seen == [0]


def test_a_writer_that_stands_still_stops_no_reader(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while it is read all the same."""
    monkeypatch.setattr("turnout_host.journal.PATIENCE", 0.05)
    Journal(layout).append("release.staged", "d", release="v1")
    with layout.journal.open("rb") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        assert list(Journal(layout).state.releases) == ["v1"]


def test_a_journal_that_became_shorter_is_read_anew(layout: Layout) -> None:
    """Nothing that was taken back is believed, and the next line is whole."""
    writer, reader = Journal(layout), Journal(layout)
    writer.append("release.staged", "d", release="v1")
    kept = layout.journal.stat().st_size
    writer.append("release.staged", "d", release="v2")
    reader.refresh()
    os.truncate(layout.journal, kept)

    reader.refresh()
    assert list(reader.state.releases) == ["v1"]
    reader.append("release.staged", "d", release="v3")
    assert list(Journal(layout).state.releases) == ["v1", "v3"]
