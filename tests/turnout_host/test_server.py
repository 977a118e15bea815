"""What the server makes of a call's failure."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from turnout_host import server
from turnout_host.calls import CALLS
from turnout_host.errors import SurveyError
from turnout_host.host import Host
from turnout_host.protocol import Channel


@pytest.mark.parametrize(
    "number, error", [(errno.ENOSPC, SurveyError), (errno.EROFS, SurveyError), (errno.EIO, OSError)]
)
def test_a_disk_that_cannot_be_written_is_the_hosts_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    """Whatever call met it: 23 with what to look at. A broken one is not expected."""

    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setitem(CALLS, "state", fails)
    source, sink = os.pipe()
    try:
        made = server.Server(Host(str(tmp_path / "app")), Channel(source, sink))
        with pytest.raises(error, match=os.strerror(number)):
            made._carry_out("state", {}, lambda _: None)
    finally:
        os.close(source)
        os.close(sink)


@pytest.mark.parametrize("name", ["migrate", "restore"])
def test_what_changes_the_database_is_never_told_as_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A full disk behind it does not say that nothing was done."""

    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setitem(CALLS, name, fails)
    host = Host(str(tmp_path / "app"))
    made = server.Server(host, Channel(0, 1))
    monkeypatch.setattr(host.lease, "check", lambda _: 1)
    with pytest.raises(OSError, match="No space"):
        made._carry_out(name, {"token": 1}, lambda _: None)


def test_the_word_on_a_group_outlives_its_link(tmp_path: Path) -> None:
    """Of what waits when the deployer is gone, it alone is carried out: the host would wait for it for minutes."""
    made = server.Server(Host(str(tmp_path / "app")), Channel(0, 1))
    for call in ("stage", "group", "finish"):
        made._requests.put({"id": 1, "call": call})
    assert [request["call"] for request in made._unheard()] == ["group"]
    assert made._requests.empty()
