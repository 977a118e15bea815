"""Asks hosts and git for what a report is made of."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from turnout.errors import TurnoutError
from turnout.report import figures
from turnout.report.report import Report, used
from turnout.runner import connect
from turnout.source.git import Repository

if TYPE_CHECKING:
    from turnout.config.schema import Config, Environment
    from turnout.config.surroundings import Reach
    from turnout.model import Address


async def gather(config: Config, environment: Environment, reach: Reach, last: int) -> Report:
    """The report of the last `last` deployments. A host that cannot be asked raises its error."""
    answers = await asyncio.gather(*(_ask(config, environment, reach, one) for one in reach.hosts))
    rows = figures.window(figures.merged(history for history, _ in answers), last)
    resources = {str(host): used(status) for host, (_, status) in zip(reach.hosts, answers, strict=True)}
    committed = await _committed(config, {str(row["revision"]) for row in rows if row["revision"]})
    return Report(config.app, environment.name, time.time(), rows, resources, committed)


async def _ask(
    config: Config, environment: Environment, reach: Reach, address: Address
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    try:
        async with await connect(environment, reach, address) as client:
            history = await client.call("history", limit=0)
            return history["deployments"], await client.call("status", **config.settings(environment))
    except TurnoutError as error:
        error.host = str(address)
        raise


async def _committed(config: Config, commits: set[str]) -> dict[str, float]:
    try:
        repository = await Repository.find(config.file.parent)
        return await repository.commit_times(sorted(commits))
    except (TurnoutError, OSError):  # a report needs no repository; lead times are then not known
        return {}
