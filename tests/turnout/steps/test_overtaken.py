"""A deployer that was away is told whether its link was lost, or its place taken."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from turnout.errors import LeaseLost, TurnoutError, Unhealthy, Unreachable
from turnout.steps.overtaken import overtaken

OTHER = {"deployment": "theirs", "by": "bob", "command": "deploy", "release": "v3"}


def work(newest: str, token: int | None = 4, switch: dict[str, Any] | None = None, away: bool = False) -> Any:
    """Ours, on a host whose newest deployment is this."""

    async def call(name: str, **_: Any) -> dict[str, Any]:
        assert name == "history"
        return {"deployments": [{**OTHER, "deployment": newest}]}

    @asynccontextmanager
    async def client() -> Any:
        yield SimpleNamespace(call=call)

    async def reach(_: Any) -> Any:
        if away:
            raise Unreachable("still away")
        return client()

    host = SimpleNamespace(
        client=SimpleNamespace(token=token), switch=switch or {}, address="a", name="deploy@a"
    )

    class Reached:
        def __init__(self, address: Any) -> None:
            self.address = address

        async def __aenter__(self) -> Any:
            self.inner = await reach(self.address)
            return await self.inner.__aenter__()

        async def __aexit__(self, *_: object) -> None:
            await self.inner.__aexit__(None, None, None)

    async def opened(address: Any) -> Any:
        return Reached(address)

    return SimpleNamespace(id="ours", targets=[host], open=opened, settings={})


async def test_another_deployment_began_meanwhile() -> None:
    """31, with whose and which."""
    lost = Unreachable("the link was lost")
    lost.step = "stage"
    found = await overtaken(work("theirs"), lost)
    assert isinstance(found, LeaseLost)
    assert found.why == ["bob began deploy theirs meanwhile"]
    assert (found.step, found.host) == ("stage", "deploy@a")


@pytest.mark.parametrize(
    "error, under_way",
    [
        pytest.param(Unreachable("lost"), work("ours"), id="only the link was lost"),
        pytest.param(Unreachable("lost"), work("theirs", token=None), id="we never held the lease"),
        pytest.param(Unreachable("lost"), work("theirs", switch={"after": 1}), id="the host ends our switch"),
        pytest.param(Unreachable("lost"), work("theirs", away=True), id="the host is still away"),
        pytest.param(Unhealthy("sick"), work("theirs"), id="another failure"),
    ],
)
async def test_else_the_error_is_what_it_was(error: TurnoutError, under_way: Any) -> None:
    """Nothing is made up."""
    assert await overtaken(under_way, error) is error
