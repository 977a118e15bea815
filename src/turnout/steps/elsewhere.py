"""Not a step: was this very artifact blessed on the environment that `requires` names, and since when?"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from turnout.config.surroundings import reach
from turnout.errors import TurnoutError
from turnout.gate.model import Soaked
from turnout.steps.reach import connect

if TYPE_CHECKING:
    from turnout.config.schema import Environment
    from turnout.config.surroundings import Reach
    from turnout.model import Address
    from turnout.steps.work import Work

OTHERS = ("VPS_HOST", "VPS_USER", "VPS_PORT")
"""Variables that name the host of the environment that is deployed to, not of this one."""
State = dict[str, Any]


async def soaked(work: Work) -> Soaked | None:
    """What the required environment says of these inputs; None when none is required. Sets `work.promised`."""
    name, soak = work.environment.requires, work.environment.soak
    if name is None:
        return None
    environment = work.config.environments[name]
    try:
        states = await _states(environment)
    except TurnoutError as error:
        return Soaked(name, soak, why=f"it cannot be asked: {error.message}", remedy=tuple(error.remedy))
    found = [blessed(state, work.inputs) for state in states]
    records = [record for record in found if record]
    if len(records) < len(states):
        return Soaked(name, soak)
    last = max(records, key=lambda record: float(record["since"]))
    ends = [record["replaced"] for record in records if record["replaced"]]
    work.promised = str(last["artifact"])
    return Soaked(name, soak, str(last["release"]), _at(last["since"]), _at(min(ends)) if ends else None)


def blessed(state: State, inputs: str) -> dict[str, Any] | None:
    """The newest blessed release of these inputs in a host's state, with `replaced`: when another one took over."""
    good = [one for one in state["releases"] if one["state"] == "blessed" and one.get("since")]
    mine = [one for one in good if inputs and one.get("inputs") == inputs]
    if not mine:
        return None
    record = max(mine, key=lambda one: float(one["since"]))
    later = [float(one["since"]) for one in good if float(one["since"]) > float(record["since"])]
    serves = state["running"] == record["release"] or not later
    return {**record, "replaced": None if serves else min(later)}


async def _states(environment: Environment) -> list[State]:
    variables = {key: value for key, value in os.environ.items() if key not in OTHERS}
    way = reach(environment, variables)
    outcomes = await asyncio.gather(
        *(_state(environment, way, address) for address in way.hosts), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, dict)]


async def _state(environment: Environment, way: Reach, address: Address) -> State:
    async with AsyncExitStack() as stack:
        client = await connect(environment, way, address)
        stack.push_async_callback(client.close)
        return await client.call("state")


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
