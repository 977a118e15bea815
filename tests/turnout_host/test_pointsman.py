"""The pointsman where a whole switch cannot show it: a disk that fills up, two workers, a boot on the way back."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from turnout_host import lease, pointsman, recovery, switch
from turnout_host.calls.looking import recover_if_free
from turnout_host.calls.switching import call_group, call_watch
from turnout_host.errors import HostError, SurveyError
from turnout_host.host import Args, Host
from turnout_host.journal import Journal
from turnout_host.layout import Layout
from turnout_host.pointsman import Activation

RECORD = {
    "toolchain": {"node": None, "pm2": None},
    "processes": {"app": "app"},
    "health": {"port": 1},
    "release_id": "v-0",
}
ASKED = {
    "release": "v2",
    "previous": "v1",
    "backup": "backup-20261123-120000",
    "health": {},
    "processes": {},
    "by": "ada@laptop",
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host on which a switch from v1 to v2 was asked for."""
    made = Host(str(tmp_path / "app"))
    made.lease.acquire(lambda: 0, {"deployment": "d", "by": "ada@laptop"}, 0, lambda _: None)
    for number in (1, 2):
        name = f"v{number}"
        made.layout.release(name).mkdir()
        made.journal.append("release.staged", "d", release=name, **RECORD)
    made.journal.append("release.blessed", "d", release="v1")
    made.layout.current.symlink_to(made.layout.release("v1"))
    made.journal.append("activation.asked", "d", **ASKED)
    yield made
    made.lease.release()


class FullDisk:
    """A journal on a disk without room, until the ballast is gone (or, with `for_ever`, even then)."""

    def __init__(self, journal: Journal, layout: Layout, for_ever: bool) -> None:
        self._append, self._ballast, self._for_ever = journal.append, layout.ballast, for_ever

    def append(self, *words: Any, **fields: Any) -> Any:
        if self._for_ever or self._ballast.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._append(*words, **fields)


@pytest.mark.parametrize("for_ever", [False, True])
def test_a_full_disk_does_not_stop_the_way_back(
    host: Host, monkeypatch: pytest.MonkeyPatch, for_ever: bool
) -> None:
    """The ballast goes overboard; where even that is not enough, `current` leads back before the worker gives up."""
    pointsman.set_aside(host.layout)
    assert host.layout.ballast.stat().st_blocks * 512 >= pointsman.BALLAST
    activation = Activation(host.layout, host.journal)
    activation._switch()
    assert host.layout.current.resolve().name == "v2"
    monkeypatch.setattr(activation, "_reload", lambda release: None)
    monkeypatch.setattr(activation, "_prove", lambda release, since: prove(release))
    monkeypatch.setattr(host.journal, "append", FullDisk(host.journal, host.layout, for_ever).append)

    if for_ever:
        with pytest.raises(OSError, match="No space"):
            activation.run()
    else:
        activation.run()

    assert host.layout.current.resolve().name == "v1"
    assert not host.layout.ballast.exists()
    assert (Journal(host.layout).state.open is None) != for_ever


@pytest.mark.parametrize("times, result", [(1, "reverted"), (2, "revert_failed")])
def test_the_way_back_is_tried_once_more_after_an_error_of_the_disk(
    host: Host, monkeypatch: pytest.MonkeyPatch, times: int, result: str
) -> None:
    """With the room of the ballast; `current` would else lead to a sick release until a hand comes."""
    pointsman.set_aside(host.layout)
    activation = Activation(host.layout, host.journal)
    activation._switch()
    errors, point = [OSError(errno.ENOSPC, "No space left on device")] * times, switch.point

    def full(layout: Layout, folder: Path) -> None:
        if errors:
            raise errors.pop()
        assert not layout.ballast.exists()
        point(layout, folder)

    monkeypatch.setattr(switch, "point", full)
    monkeypatch.setattr(activation, "_reload", lambda release: None)
    monkeypatch.setattr(activation, "_prove", lambda release, since: prove(release))

    activation.run()

    assert host.journal.state.ended
    assert host.journal.state.ended["result"] == result
    assert host.layout.current.resolve().name == ("v1" if result == "reverted" else "v2")


def prove(release: str) -> None:
    """The new one is sick."""
    if release == "v2":
        raise RuntimeError("sick")


def test_without_room_for_the_ballast_there_is_no_switch(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused as what the host cannot take, before anything is asked."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(SurveyError, match="no room for a switch"):
        pointsman.set_aside(host.layout)


def test_a_second_worker_waits_and_finds_nothing_to_do(host: Host) -> None:
    """It reads the journal anew when the first one is gone."""
    script = "import sys; from turnout_host import pointsman; sys.exit(pointsman.worker(sys.argv[1], -1, 0))"
    with host.layout.worker.open("ab") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        second = subprocess.Popen([sys.executable, "-c", script, str(host.layout.path)])
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(0.5)
            host.journal.append("activation.ended", "d", release="v2", result="succeeded")
            fcntl.flock(alone, fcntl.LOCK_UN)
            assert second.wait(20) == 0
        finally:
            second.kill()
            second.wait()
    assert Journal(host.layout).state.seq == host.journal.state.seq


def test_watching_for_what_was_never_asked_says_so(host: Host) -> None:
    """A link was cut with the request on its way: nobody waits for an activation that nobody will begin."""
    host.journal.append("activation.ended", "d", release="v2", result="succeeded")
    host.lease.release()
    asked = Args({"deployment": "another", "after": 0, "until": ["activation.reloaded"]})
    assert call_watch(host, asked, lambda event: None) == {"entry": None, "after": 0}


@pytest.mark.parametrize(
    "phase, starts",
    [("activation.switched", "v2"), ("activation.reverting", "v1")],
)
def test_a_boot_starts_nothing_that_is_being_taken_back(host: Host, phase: str, starts: str) -> None:
    """After the switch `current` leads to v2; once the way back was chosen, v1 is started instead."""
    host.journal.append(phase, "d", release="v2")
    host.layout.current.unlink()
    host.layout.current.symlink_to(host.layout.release("v2"))
    assert recovery._boots(host.layout, host.journal.state) == starts


@pytest.mark.parametrize(
    "word, deployment, fails",
    [
        ("well", "d", ""),
        ("sick", "d", "another host is not well: it burns"),
        ("well", "another", "the deployer is gone"),
        (None, "d", "the deployer is gone"),
    ],
)
def test_a_group_is_blessed_only_on_its_own_deployers_word(
    host: Host, monkeypatch: pytest.MonkeyPatch, word: str | None, deployment: str, fails: str
) -> None:
    """Without one the release is taken back some time after the deployer has gone; here that is soon."""
    monkeypatch.setattr(pointsman, "GROUP", 0.1)
    monkeypatch.setattr(pointsman, "bake", lambda *_: say())
    host.lease.orphan("ending what it began")
    activation, facts = (
        Activation(host.layout, host.journal),
        SimpleNamespace(health={"interval": 0.0}, probe=None, folder=None, names=None),
    )

    def say() -> None:
        asked = {"deployment": deployment, "word": word, "reason": "it burns"}
        assert call_group(host, Args(asked), lambda event: None) == {"waits": deployment == "d"}

    with pytest.raises(HostError, match=fails) if fails else contextlib.nullcontext():
        activation._wait_for_group(Any, facts, Any)  # type: ignore[arg-type]
    assert host.journal.state.open is not None
    assert host.journal.state.open["phase"] == "baked"


@pytest.mark.parametrize("status, starts", [(0, 1), (-9, pointsman.ATTEMPTS)])
def test_only_a_pointsman_that_died_is_started_again(
    host: Host, monkeypatch: pytest.MonkeyPatch, status: int, starts: int
) -> None:
    """One that came to the end is done: another would hold the lease for nothing."""
    started = []

    def start(*_: object, **__: object) -> SimpleNamespace:
        started.append(status)
        return SimpleNamespace(poll=lambda: status, returncode=status)

    monkeypatch.setattr(subprocess, "Popen", start)
    made = pointsman.Pointsman(host.layout, host.lease)
    while made.look():
        continue
    assert len(started) == starts


def test_two_who_look_at_an_open_switch_do_not_refuse_one_another(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One ends it; the other, who found the lease free a moment before, sees it under way."""
    other = Host(str(host.layout.path))
    monkeypatch.setattr(lease, "GRACE", 0.0)
    monkeypatch.setattr(other.lease, "holder", lambda: None)
    recover_if_free(other, lambda event: None)
    assert other.journal.state.open is not None
    assert other.lease.descriptor < 0
