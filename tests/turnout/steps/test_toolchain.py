"""Which PM2 a host goes on with."""

from __future__ import annotations

from typing import Any, cast

import pytest

from turnout.builder.runtime import PM2
from turnout.steps.toolchain import of_the_daemon
from turnout.steps.work import Target


@pytest.mark.parametrize(
    "daemon, own, layers, kept",
    [
        (None, None, [], None),
        (PM2, None, ["pm2-6.0.0-abc"], None),
        ("6.0.0", "6.0.0", ["pm2-6.0.0-abc"], ("6.0.0", None)),
        ("6.0.0", "5.0.0", ["pm2-6.0.0-abc"], ("6.0.0", "pm2-6.0.0-abc")),  # from an earlier Turnout
        ("6.0.0", None, ["pm2-6.0.01-abc"], None),
    ],
)
def test_a_daemon_keeps_its_own_pm2(
    daemon: str | None, own: str | None, layers: list[str], kept: tuple[str, str | None] | None
) -> None:
    """Other apps may live in it, so a newer Turnout does not ask for its restart where its PM2 is still there."""
    host = Target(address=cast("Any", "deploy@vps"), client=cast("Any", None))
    host.facts = {"daemon": {"version": daemon} if daemon else None, "pm2": {"version": own} if own else None}
    host.state = {"layers": layers}
    assert of_the_daemon(host) == kept
