"""What a failure says of the state of each host, from what the deployer saw there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from turnout.model import Address
from turnout.runner import _state
from turnout.steps.work import Target, Work

ASKED = {"after": 4, "previous": "v1"}
STATES: list[tuple[list[tuple[dict[str, Any], str | None]], str]] = [
    ([], "nothing was changed"),
    ([({}, None)], "serves as before: v1 on root@h0"),
    ([(ASKED, None)], "root@h0 ends the switch by itself: v2 if it can be proved, else v1"),
    ([(ASKED | {"group": True}, None)], "root@h0 goes back to v1 by itself"),
    (
        [(ASKED | {"group": True, "word": "well"}, None)],
        "root@h0 ends the switch by itself: v2 if it can be proved, else v1",
    ),
    ([(ASKED, "succeeded")], "v2 serves on root@h0, proved"),
    ([(ASKED, "reverted")], "v1 serves on root@h0 again, proved"),
    ([(ASKED, "revert_failed")], "unknown on root@h0: neither v2 nor v1 could be proved"),
    ([(ASKED, "succeeded"), ({}, None)], "v2 serves on root@h0, proved; v1 serves on root@h1 as before"),
]


@pytest.mark.parametrize("hosts, text", STATES)
def test_the_state_is_what_each_host_was_last_seen_to_do(
    hosts: list[tuple[dict[str, Any], str | None]], text: str
) -> None:
    """How a switch ended comes before that it was asked for."""
    targets = [
        Target(
            Address(f"h{number}", "root"),
            cast(Any, None),
            state={"running": "v1"},
            release="v2",
            switch=switch,
            ended={"result": result} if result else None,
        )
        for number, (switch, result) in enumerate(hosts)
    ]
    assert _state(cast(Work, SimpleNamespace(targets=targets))) == text


def test_a_host_that_was_not_asked_is_not_said_to_serve_nothing() -> None:
    """Its lease was held, say, or what a dead run left open there could not be ended."""
    targets = [Target(Address(f"h{number}", "root"), cast(Any, None)) for number in (0, 1)]
    assert _state(cast(Work, SimpleNamespace(targets=targets))) == "nothing was changed"
    targets[0].state = {"running": "v1"}
    assert _state(cast(Work, SimpleNamespace(targets=targets))) == "serves as before: v1 on root@h0"
