"""What may be promoted, and what is said where the other environment is not like this one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from turnout.errors import GateRefused
from turnout.model import Address
from turnout.steps import origin as origins
from turnout.steps.work import Origin

RECORD = {
    "release": "v7", "state": "blessed", "artifact": "a" * 64, "revision": "r", "by": "ann",
    "toolchain": {"node": "node-20.20.2-linux-x64", "pm2": None},
}  # fmt: skip


def origin(**record: Any) -> Origin:
    state = {"serving": "v7", "running": "v7", "open": None, "releases": [RECORD | record]}
    return Origin("staging", Address("h", "u"), None, state, {"platform": "linux-x64-glibc"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "record,why", [({"state": "failed"}, "nothing that was blessed"), ({"artifact": None}, "was adopted")]
)
def test_what_cannot_be_promoted_is_refused_with_what_to_type(record: dict[str, Any], why: str) -> None:
    """An adopted release serves, and is blessed, but its contents were never an artifact."""
    with pytest.raises(GateRefused, match=why) as caught:
        origins._must_be_blessed(origin(**record))
    assert caught.value.remedy == ["turnout deploy staging"]


@pytest.mark.parametrize(
    "node,platform,said",
    [
        ("20.20.2", "linux-x64-glibc", []),
        ("20.18.0", "linux-x64-glibc", ["it was blessed on Node 20.20.2, and runs on 20.18.0 here"]),
        (
            "20.20.2",
            "linux-arm64-glibc",
            ["u@p is linux-arm64-glibc, staging linux-x64-glibc: its dependencies are made anew"],
        ),
    ],
)
def test_what_it_was_not_blessed_on_is_said(node: str, platform: str, said: list[str]) -> None:
    """Another Node, or another platform: that it was well on staging proves less."""
    work: Any = SimpleNamespace(
        runs=SimpleNamespace(node=node), targets=[SimpleNamespace(name="u@p", platform=platform)]
    )
    assert origins._differs(work, origin()) == said
