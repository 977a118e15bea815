"""Leftovers of dead runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.turnout_host.site import Site, until
from turnout_host import children, proc
from turnout_host.journal import Journal
from turnout_host.layout import Layout
from turnout_host.sweep import sweep


def test_an_unfinished_release_is_swept_also_when_its_folder_is_gone(tmp_path: Path) -> None:
    """A sweep that was killed half-way, or a hand's rm -rf, never blocks the next one."""
    layout = Layout(str(tmp_path / "app"))
    layout.prepare()
    journal = Journal(layout)
    journal.append("release.staged", "d", release="v1")
    journal.append("release.staged", "d", release="v2")
    (layout.releases / "v2").mkdir()
    sweep(layout, journal)
    assert journal.state.unfinished() == []
    assert list(layout.releases.iterdir()) == []


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An app's folders, with nothing in them."""
    made = Layout(str(tmp_path / "app"))
    made.prepare()
    return made


def marked(site: Site, marks: dict[str, str]) -> subprocess.Popen[bytes]:
    """A process with these marks of a host program, already on its way."""
    process = site.start("sleep", "600", **marks)
    until(lambda: proc.cmdline(process.pid) == "sleep 600")
    return process


def dead(layout: Layout) -> dict[str, str]:
    """The marks of a host program that is gone."""
    gone = subprocess.Popen(["sleep", "600"])
    marks = children.marks(str(layout.path), gone.pid)
    gone.kill()
    gone.wait()
    return marks


def test_a_child_of_a_dead_host_program_is_ended(site: Site, layout: Layout) -> None:
    """Its program is gone, its pid may be another's by now; an older Turnout did not say whose child it is."""
    forgotten = [dead(layout), {children.MARK: str(layout.path)}]
    forgotten.append(
        dict(children.marks(str(layout.path), os.getppid()), **{children.OWNER: f"{os.getppid()}:1.00"})
    )
    processes = [marked(site, marks) for marks in forgotten]
    done = sweep(layout, Journal(layout))
    assert done == [f"ended process {process.pid} of an earlier run" for process in processes]
    assert [process.wait() for process in processes] == [-9] * 3


def test_a_child_of_a_host_program_at_work_is_left_alone(site: Site, layout: Layout) -> None:
    """Somebody else's `turnout status` asks the same host at the same time."""
    other = site.start("sleep", "600")
    process = marked(site, children.marks(str(layout.path), other.pid))
    assert sweep(layout, Journal(layout)) == []
    assert process.poll() is None


@pytest.mark.integration
def test_a_pm2_daemon_and_what_it_runs_are_never_ended(site: Site, layout: Layout) -> None:
    """A daemon that began in a marked child, say from a profile, carries the mark, and so do all its apps."""
    (site.root / "mail.js").write_text("setInterval(() => {}, 1000)")
    site.hand("start", "mail.js", **dead(layout))
    daemon = site.pm2.daemon()
    assert children.MARK in proc.environ_keys(daemon)
    assert sweep(layout, Journal(layout)) == []
    assert proc.alive(daemon)
    assert len(proc.children(daemon)) == 1


LIVES = [
    ([], ["v1", "v2"], ["v1", "v2"]),  # the journal was lost
    ([("release.staged", "v3"), ("release.failed", "v3")], ["v1", "v3"], ["v1"]),  # and went on without v1
    (
        [("release.staged", "v3"), ("release.blessed", "v3")],
        ["v3", "v4"],
        ["v3", "v4"],
    ),  # it lost its last lines
    ([("release.staging", "v1")], ["v1"], []),  # the first one, killed before it was written down
    ([("release.staged", "v1"), ("release.pruned", "v1")], ["v1"], []),  # a prune, killed half-way
    ([("release.staged", "v1"), ("release.blessed", "v1")], ["v1"], ["v1"]),
]


@pytest.mark.parametrize("entries, there, left", LIVES)
def test_a_release_that_the_journal_does_not_know_is_left_alone(
    layout: Layout, entries: list[tuple[str, str]], there: list[str], left: list[str]
) -> None:
    """Only what is known to be of no use goes: a torn journal says nothing about good releases."""
    journal = Journal(layout)
    for kind, name in entries:
        journal.append(kind, "d", release=name)
    for name in there:
        (layout.releases / name).mkdir()
    done = sweep(layout, journal)
    assert sorted(path.name for path in layout.releases.iterdir()) == left
    unknown = [name for name in left if name not in journal.state.releases]
    assert done == [
        f"the journal does not know {name}: left alone, {layout.releases / name}" for name in unknown
    ]
