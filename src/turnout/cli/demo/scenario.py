"""Plays the acts one after another on one site, while clients send requests, and tells people what they see."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from turnout import runner
from turnout.cli.demo.acts import ACTS, Act, Played, faults
from turnout.cli.demo.site import ENVIRONMENT, Site
from turnout.cli.demo.stage import Stage
from turnout.cli.demo.traffic import Figures, TrafficThread
from turnout.cli.running import new_deployment
from turnout.deploy import DEPLOY, ROLLBACK
from turnout.errors import Cancelled
from turnout.events import Bus, Event
from turnout.model import DeployOptions, Outcome, RollbackOptions

USERS = 4
"""Clients of each kind: some hundred requests a second, which leave two cores room for the builds."""
PAUSE = 0.02
"""Seconds between two requests of a client."""
PATHS = ("/health", "/", "/videos")
"""What they ask for: who answers, words, and the database."""


class Scenario:
    """The whole demo. `played` has what went on so far; the first act that does not end as it must ends the play."""

    def __init__(self, site: Site, stage: Stage, acts: Sequence[Act] = ACTS) -> None:
        self.site, self.stage, self.acts = site, stage, acts
        self.played: list[Played] = []
        self.traffic = TrafficThread(site.port, PATHS, keep_alive=USERS, fresh=USERS, pause=PAUSE)
        self._counted = Figures()

    @property
    def faults(self) -> list[str]:
        """What did not go as it must, in all acts."""
        return [f"{one.act.title}: {fault}" for one in self.played for fault in faults(one)]

    async def play(self) -> None:
        """Play the acts. Raises CancelledError when a person stops it."""
        for number, act in enumerate(self.acts, start=1):
            if act.change:
                await self.site.author.commit(act.change)
            self.stage.announce(number, act, await self.site.author.last())
            await self._act(act)
            if self.faults:
                return
            self.stage.prove(self.played[-1])
            if act.change and not act.good:
                await self.site.author.take_back()
            if number == 1:
                self.traffic.start()

    async def stop(self, grace: float | None = None) -> None:
        """The clients end, see Traffic.stop; what they did since the last act belongs to it."""
        figures = await asyncio.to_thread(self.traffic.stop, grace)
        if self.played:
            self.played[-1].traffic = figures - self.played[-1].began

    async def _act(self, act: Act) -> None:
        began, steps = self._counted, Steps()
        outcome = await self._deployment(act, steps)
        if outcome.exit_code == Cancelled.exit_code:
            raise asyncio.CancelledError
        self._counted = self.traffic.mark()
        self.played.append(Played(act, outcome, steps.seen, began, self._counted - began))

    async def _deployment(self, act: Act, steps: Steps) -> Outcome:
        target, bus = self.site.target(), Bus(new_deployment(), ENVIRONMENT)
        where = target.config, target.environment, target.reach
        bus.listen(steps.feed)
        with self.stage.display() as shown:
            bus.listen(shown.feed)
            if act.change is None and act.before:
                return await runner.run(ROLLBACK, *where, RollbackOptions(), bus)
            return await runner.run(DEPLOY, *where, DeployOptions(), bus)


class Steps:
    """Status and seconds of each step that ended."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[str, float]] = {}

    def feed(self, event: Event) -> None:
        """Take in one event."""
        if event.type == "step.finished" and event.step:
            self.seen[event.step] = (event.status or "", event.seconds or 0.0)
