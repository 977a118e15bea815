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
