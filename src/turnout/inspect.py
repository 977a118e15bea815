"""Looks at hosts without changing them: what `status`, `releases`, `health` and `history` show."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from turnout.errors import TurnoutError
from turnout.runner import connect

if TYPE_CHECKING:
    from turnout.config.schema import Config, Environment
    from turnout.config.surroundings import Reach
    from turnout.model import Address


async def status(config: Config, environment: Environment, reach: Reach) -> list[dict[str, Any]]:
    """One object a host (docs/json.md). A host that cannot be asked raises its error after all have answered."""
    return await _each(config, environment, reach, "status")


async def health(config: Config, environment: Environment, reach: Reach) -> list[dict[str, Any]]:
    """Release, health, processes and doubts of each host; `status` without disk and list."""
    return await _each(config, environment, reach, "health")


async def releases(config: Config, environment: Environment, reach: Reach) -> list[dict[str, Any]]:
    """Each host's releases, newest first."""
    found = await _each(config, environment, reach, "status")
    return [{"host": one["host"], "current": one["release"], "releases": one["releases"]} for one in found]


async def deployments(
    config: Config, environment: Environment, reach: Reach, limit: int
) -> dict[str, list[dict[str, Any]]]:
    """Each host's newest `limit` deployments (0: all), as its journal tells them; by host."""
    found = await _each(config, environment, reach, "history", limit=limit)
    return {one["host"]: one["deployments"] for one in found}


async def _each(
    config: Config, environment: Environment, reach: Reach, call: str, **more: Any
) -> list[dict[str, Any]]:
    outcomes = await asyncio.gather(
        *(_ask(config, environment, reach, address, call, more) for address in reach.hosts),
        return_exceptions=True,
    )
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if failures:
        raise failures[0]
    return [outcome for outcome in outcomes if isinstance(outcome, dict)]


async def _ask(
    config: Config, environment: Environment, reach: Reach, address: Address, call: str, more: dict[str, Any]
) -> dict[str, Any]:
    try:
        async with await connect(environment, reach, address) as client:
            answer = await client.call(call, **config.settings(environment), **more)
    except TurnoutError as error:
        error.host = str(address)
        raise
    return {"host": str(address), **answer}
