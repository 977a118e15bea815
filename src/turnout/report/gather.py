"""Asks hosts and git for what a report is made of."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from turnout import inspect
from turnout.errors import TurnoutError
from turnout.report import figures
from turnout.report.history import merged
from turnout.report.report import Report, used
from turnout.source.git import Repository

if TYPE_CHECKING:
    from turnout.config.schema import Config, Environment
    from turnout.config.surroundings import Reach


async def gather(
    config: Config, environment: Environment, reach: Reach, last: int, lost: inspect.Lost
) -> Report:
    """The report of the last `last` deployments, as the hosts tell it that can be asked."""
    asked = await inspect.report(config, environment, reach, lost)
    hosts = {one["host"]: one for one in asked if "problem" not in one}
    told = merged({name: host["deployments"] for name, host in hosts.items()})
    rows = figures.window(told[::-1], last)
    resources = {name: used(host) for name, host in hosts.items()}
    committed = await _committed(config, {str(row["revision"]) for row in rows if row["revision"]})
    return Report(config.app, environment.name, time.time(), rows, resources, committed)


async def _committed(config: Config, commits: set[str]) -> dict[str, float]:
    try:
        repository = await Repository.find(config.file.parent)
        return await repository.commit_times(sorted(commits))
    except (TurnoutError, OSError):  # a report needs no repository; lead times are then not known
        return {}
