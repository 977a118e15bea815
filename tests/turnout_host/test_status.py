"""The status where a whole host cannot show it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from turnout_host import apps, proc, status
from turnout_host.host import Host
from turnout_host.probe import Answer
from turnout_host.processes.listing import Process


def worker(pid: int) -> Process:
    """One that PM2 calls online."""
    return Process("app", pid, pid, "online", 0, 0, 0, 1, "", "cluster", "", "")


@pytest.mark.parametrize(
    "there, doubts",
    [
        (2, []),
        (3, []),
        (1, ["PM2 runs 1 of 2 processes of app"]),
        (0, ["PM2 runs no process of this app"]),
    ],
)
def test_a_worker_that_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: int, doubts: list[str]
) -> None:
    """After a boot that was cut short, or a hand's `pm2 delete`; more than were asked for harm nobody."""
    host = Host(str(tmp_path / "app"))
    folder = host.layout.release("v1")
    folder.mkdir()
    host.layout.current.symlink_to(folder)
    host.lease.acquire(lambda: 0, {"deployment": "d"}, 0.0, lambda _: None)
    host.journal.append("release.staged", "d", release="v1", toolchain={})
    host.journal.append("release.blessed", "d", release="v1")
    host.lease.release()
    pm2 = SimpleNamespace(
        processes=lambda: [worker(number + 1) for number in range(there)], expected=lambda: {"app": 2}
    )
    probe = SimpleNamespace(ask=lambda: Answer(True, 200, 0.0, None, ""))
    facts = SimpleNamespace(pm2=pm2, probe=probe, health={"port": 1, "path": "/health"})
    monkeypatch.setattr(apps, "facts", lambda *_: facts)
    monkeypatch.setattr(proc, "cwd", lambda _: str(folder))

    assert status.health(host.layout, host.journal.state, {})["needs_a_look"] == doubts
