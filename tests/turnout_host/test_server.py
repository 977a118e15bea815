"""What the server makes of a call's failure."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from turnout_host import server
from turnout_host.calls import CALLS
from turnout_host.errors import LeaseLost, SurveyError
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


@pytest.mark.parametrize(
    "error, said", [(LeaseLost("old"), 0), (OSError(28, "full"), 0), (KeyError("bug"), 2)]
)
def test_what_is_left_for_later_is_done_when_the_answer_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    said: int,
) -> None:
    """What goes wrong with it ends nothing, the next call is answered; a bug is told on the link's standard error."""
    told: list[str] = []

    def fails() -> None:
        told.append("later")
        raise error

    def leaves(host: Host, *_: object) -> dict[str, object]:
        host.later.append(fails)
        return {}

    monkeypatch.setitem(CALLS, "state", leaves)
    capsys.readouterr()
    made = server.Server(Host(str(tmp_path / "app")), Channel(0, 1))
    monkeypatch.setattr(made._channel, "send", lambda message: told.append(f"answer {message['id']}"))
    for request in ({"id": 1, "call": "state", "args": {}}, {"id": 2, "call": "state", "args": {}}, None):
        made._requests.put(request)
    made._work()
    assert told == ["answer 1", "later", "answer 2", "later"]
    assert capsys.readouterr().err.count("Traceback") == said
