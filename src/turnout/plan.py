"""What a plan is: steps by name, where each is carried out, and which it waits for. Data; the runner carries it out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile
from typing import Literal

from turnout.steps.work import Done, Target, Work

Where = Literal["deployer", "each host", "first host first", "once"]
OnDeployer = Callable[[Work], Awaitable[Done]]
OnHost = Callable[[Work, Target], Awaitable[Done]]


@dataclass(frozen=True)
class Step:
    """One named part of a deployment.

    `where` says what `act` gets: the deployer's steps get the work; the others a host too. `after` names the steps it
    waits for; None means the one before it in the plan.
    """

    name: str
    where: Where
    act: OnDeployer | OnHost
    after: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Plan:
    """Steps in the order in which people read them. `begin` comes before them where a plan has no gate of its own."""

    name: str
    steps: tuple[Step, ...]
    begin: Callable[[Work], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        """Names are unique, and there is an order in which every step finds what it waits for."""
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"{self.name}: a step stands twice")
        try:
            list(TopologicalSorter({step.name: self.waits_for(step) for step in self.steps}).static_order())
        except CycleError as error:
            raise ValueError(f"{self.name}: steps wait for one another: {error.args[1]}") from None

    def waits_for(self, step: Step) -> tuple[str, ...]:
        """The names of the steps that must have ended well before `step` begins."""
        if step.after is not None:
            return step.after
        position = self.steps.index(step)
        return (self.steps[position - 1].name,) if position else ()

    def together(self, step: Step) -> tuple[Step, ...]:
        """Steps that are carried out on a host in one turn: those `first host first` in a row.

        Empty for a step that belongs to an earlier one.
        """
        position = self.steps.index(step)
        if position and self.steps[position - 1].where == step.where:
            return ()
        return tuple(takewhile(lambda one: one.where == step.where, self.steps[position:]))

    @property
    def names(self) -> list[str]:
        """The steps' names, in order."""
        return [step.name for step in self.steps]
