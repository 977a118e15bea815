"""What set, unset and push share: the change is carried out as a new release of the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.cli import options

if TYPE_CHECKING:
    from turnout.cli.running import Target
    from turnout.events import Bus
    from turnout.model import Outcome, Secret
    from turnout.steps.change import Change


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
    from turnout import inspect
    from turnout.cli import running

    goal = running.target(shared)
    found = running.run(inspect.dotenv(goal.config, goal.environment, goal.reach, values=True))[0]
    return found["text"], str(found["digest"])
