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


Lost = list[TurnoutError]
"""Takes in why hosts could not be asked: such a host is then `{"host", "problem", "exit_code"}` among the others.

Without it, and where no host answered, the first of these errors is raised after all have ended.
"""


async def status(
    config: Config, environment: Environment, reach: Reach, lost: Lost | None = None
) -> list[dict[str, Any]]:
    """One object a host (docs/json.md)."""
    return await _each(environment, reach, {"status": config.settings(environment)}, lost)


async def health(
    config: Config, environment: Environment, reach: Reach, lost: Lost | None = None
) -> list[dict[str, Any]]:
    """Release, health, processes and doubts of each host; `status` without disk and list."""
    return await _each(environment, reach, {"health": config.settings(environment)}, lost)


async def verify(config: Config, environment: Environment, reach: Reach) -> list[dict[str, Any]]:
    """The findings of each host, every remedy as one types it here."""
    found = await _each(environment, reach, {"verify": config.settings(environment)})
    for one, address in zip(found, reach.hosts, strict=True):
        for finding in one["findings"]:
            lines = [line.replace("{env}", environment.name) for line in finding["remedy"]]
            finding["remedy"] = [typed(line, address) for line in lines]
    return found


async def releases(
    config: Config, environment: Environment, reach: Reach, lost: Lost | None = None
) -> list[dict[str, Any]]:
    """Each host's releases, newest first."""
    found = await status(config, environment, reach, lost)
    return [
        one
        if "problem" in one
        else {"host": one["host"], "current": one["release"], "releases": one["releases"]}
        for one in found
    ]


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
    return await _each(environment, reach, {"adoption": await adopt.asked(config, environment)})


async def dotenv(
    config: Config, environment: Environment, reach: Reach, values: bool = False
) -> list[dict[str, Any]]:
    """Each host's dotenv: names and fingerprints; with `values` the text, as a Secret."""
    asked = {**config.settings(environment), "values": values}
    found = await _each(environment, reach, {"read_dotenv": asked})
    for one in found:
        text = one.pop("text", "")
        one["text"] = Secret(base64.b64decode(text).decode("utf-8", "surrogateescape")) if values else None
    return found


async def deployments(
    config: Config, environment: Environment, reach: Reach, limit: int, lost: Lost | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The newest `limit` deployments (0: all), by host, as its journal tells them; a lost host is not there."""
    found = await _each(
        environment, reach, {"history": {**config.settings(environment), "limit": limit}}, lost
    )
    return {one["host"]: one["deployments"] for one in found if "problem" not in one}


async def report(
    config: Config, environment: Environment, reach: Reach, lost: Lost | None = None
) -> list[dict[str, Any]]:
    """The status of each host, with all its deployments."""
    settings = config.settings(environment)
    return await _each(environment, reach, {"status": settings, "history": {**settings, "limit": 0}}, lost)


async def _each(
    environment: Environment, reach: Reach, calls: dict[str, dict[str, Any]], lost: Lost | None = None
) -> list[dict[str, Any]]:
    """The answers of every host, in the file's order; what several calls answer is one object."""
    outcomes = await asyncio.gather(
        *(_ask(environment, reach, address, calls) for address in reach.hosts), return_exceptions=True
    )
    found: list[dict[str, Any]] = []
    errors: list[TurnoutError] = []
    for address, outcome in zip(reach.hosts, outcomes, strict=True):
        if isinstance(outcome, TurnoutError):
            errors.append(outcome)
            lack = {"problem": outcome.message, "exit_code": outcome.exit_code}
            found.append({"host": str(address), **lack})
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            found.append({"host": str(address), **outcome})
    if errors and (lost is None or len(errors) == len(found)):
        raise errors[0]
    if lost is not None:
        lost += errors
    return found


async def _ask(
    environment: Environment, reach: Reach, address: Address, calls: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    try:
        async with await connect(environment, reach, address) as client:
            for call, args in calls.items():
                answers |= await client.call(call, **args)
    except TurnoutError as error:
        error.host = str(address)
        raise
    return answers
