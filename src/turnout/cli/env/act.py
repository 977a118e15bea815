"""What set, unset and push share: the change is carried out as a new release of the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.cli import options
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.cli.running import Target
    from turnout.events import Bus
    from turnout.model import Change, Outcome, Secret


def carry_out(command: str, change: Change, shared: options.Shared) -> int:
    """Deploy the change; gives the exit code."""
    from turnout.cli import running

    async def act(goal: Target, bus: Bus) -> Outcome:
        from dataclasses import replace
        from functools import partial

        from turnout import runner
        from turnout.deploy import CHANGE
        from turnout.model import DeployOptions
        from turnout.steps.change import begin

        plan = replace(CHANGE, name=f"env {command}", begin=partial(begin, change))
        return await runner.run(plan, goal.config, goal.environment, goal.reach, DeployOptions(), bus)

    return running.carry_out(shared, act)


def there(shared: options.Shared) -> tuple[Secret, str]:
    """The dotenv of the environment's first host, for a person who wants to see it, and its digest."""
    return _all(shared)[0]


def alike(shared: options.Shared) -> tuple[Secret, str]:
    """The same, to be changed as a whole. Raises UsageError where another host has another one: it would be lost."""
    from turnout.hosts import dotenv

    found = _all(shared)
    if len({digest for _, digest in found}) > 1:
        read = [dotenv.parse(text) for text, _ in found]
        keys = {key for one in read for key in one if any(other.get(key) != one[key] for other in read)}
        raise UsageError(
            f"the .env is not the same on all hosts: {', '.join(sorted(keys)) or 'comments and order differ'}",
            why="changed as a whole, it would become the same, and what differs would be lost",
            remedy="turnout env set KEY    sets one key on all of them, and leaves the others as they are",
        )
    return found[0]


def _all(shared: options.Shared) -> list[tuple[Secret, str]]:
    from turnout import inspect
    from turnout.cli import running

    goal = running.target(shared)
    hosts = running.run(inspect.dotenv(goal.config, goal.environment, goal.reach, values=True))
    return [(one["text"], str(one["digest"])) for one in hosts]
