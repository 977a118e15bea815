"""Reaching the hosts and taking their leases, with hosts that are played."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from tests.turnout.steps.conftest import Scene
from turnout.config.surroundings import Reach
from turnout.errors import LeaseHeld
from turnout.model import Address
from turnout.steps.connect import connect


class Held:
    """A host whose lease another deployment has taken."""

    token = None

    def __init__(self, asked: list[str], name: str) -> None:
        self._asked, self._name = asked, name

    async def call(self, call: str, **_: Any) -> Any:
        self._asked.append(f"{call} {self._name}")
        raise LeaseHeld("another deployment holds the lease")

    async def close(self) -> None:
        """Nothing is open."""


async def test_the_first_hosts_lease_decides_between_two_deployments(scene: Scene) -> None:
    """Or each of two would take what the other lacks, and both be refused."""
    asked: list[str] = []

    async def reach(address: Address) -> Any:
        return Held(asked, address.host)

    async with AsyncExitStack() as stack:
        work = replace(await scene.work(), reach=Reach((Address("a"), Address("b"))), open=reach, stack=stack)
        with pytest.raises(LeaseHeld):
            await connect(work, "gate")
    assert asked == ["acquire a", "facts a", "state a"]
