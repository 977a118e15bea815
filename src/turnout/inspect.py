"""Looks at hosts without changing them: what `status`, `releases`, `health`, `history` and `decide` show."""

from __future__ import annotations

import asyncio
import base64
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from turnout.builder.cache import Cache
from turnout.errors import TurnoutError
from turnout.events import Bus
from turnout.gate import verdict
from turnout.hosts.faults import typed
from turnout.model import DeployOptions, Secret
from turnout.runner import connect
from turnout.steps import adopt, evidence
from turnout.steps.connect import look
from turnout.steps.work import Work

if TYPE_CHECKING:
    from turnout.config.schema import Config, Environment
    from turnout.config.surroundings import Reach
    from turnout.gate.model import Verdict
    from turnout.model import Address, Revision


async def status(config: Config, environment: Environment, reach: Reach) -> list[dict[str, Any]]:
    """One object a host (docs/json.md). A host that cannot be asked raises its error after all have answered."""
    return await _each(config, environment, reach, "status")


async def health(config: Config, environment: Environment, reach: Reach) -> list[dict[str, Any]]:
    """Release, health, processes and doubts of each host; `status` without disk and list."""
    return await _each(config, environment, reach, "health")


async def verify(config: Config, environment: Environment, reach: Reach) -> list[dict[str, Any]]:
    """The findings of each host, every remedy as one types it here."""
    found = await _each(config, environment, reach, "verify")
    for one, address in zip(found, reach.hosts, strict=True):
        for finding in one["findings"]:
            lines = [line.replace("{env}", environment.name) for line in finding["remedy"]]
            finding["remedy"] = [typed(line, address) for line in lines]
    return found


async def releases(config: Config, environment: Environment, reach: Reach) -> list[dict[str, Any]]:
    """Each host's releases, newest first."""
    found = await _each(config, environment, reach, "status")
    return [{"host": one["host"], "current": one["release"], "releases": one["releases"]} for one in found]


async def decide(
    config: Config, environment: Environment, reach: Reach, ref: str
) -> tuple[Revision, Verdict]:
    """What the gate would say of a revision now. Takes no lease, builds nothing, runs no command of `checks`."""
    async with AsyncExitStack() as stack:
        work = Work(
            config,
            environment,
            reach,
            Bus("decide", environment.name),
            Cache(),
            partial(connect, environment, reach),
            stack,
            "decide",
            DeployOptions(ref),
        )
        branch = await evidence.revision(work)
        await look(work)
        assert work.revision
        return work.revision, verdict.decide(await evidence.gather(work, branch))


async def adoption(config: Config, environment: Environment, reach: Reach) -> list[dict[str, Any]]:
    """What adopting each host would do (docs/protocol.md, `adoption`)."""
    return await _each(config, environment, reach, "adoption", await adopt.asked(config, environment))


async def dotenv(
    config: Config, environment: Environment, reach: Reach, values: bool = False
) -> list[dict[str, Any]]:
    """Each host's dotenv: names and fingerprints; with `values` the text, as a Secret."""
    found = await _each(
        config, environment, reach, "read_dotenv", {**config.settings(environment), "values": values}
    )
    for one in found:
        text = one.pop("text", "")
        one["text"] = Secret(base64.b64decode(text).decode("utf-8", "surrogateescape")) if values else None
    return found


async def deployments(
    config: Config, environment: Environment, reach: Reach, limit: int
) -> dict[str, list[dict[str, Any]]]:
    """Each host's newest `limit` deployments (0: all), as its journal tells them; by host."""
    found = await _each(
        config, environment, reach, "history", {**config.settings(environment), "limit": limit}
    )
    return {one["host"]: one["deployments"] for one in found}


async def _each(
    config: Config, environment: Environment, reach: Reach, call: str, args: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    asked = args if args is not None else config.settings(environment)
    outcomes = await asyncio.gather(
        *(_ask(environment, reach, address, call, asked) for address in reach.hosts), return_exceptions=True
    )
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if failures:
        raise failures[0]
    return [outcome for outcome in outcomes if isinstance(outcome, dict)]


async def _ask(
    environment: Environment, reach: Reach, address: Address, call: str, args: dict[str, Any]
) -> dict[str, Any]:
    try:
        async with await connect(environment, reach, address) as client:
            answer = await client.call(call, **args)
    except TurnoutError as error:
        error.host = str(address)
        raise
    return {"host": str(address), **answer}
