"""In which order hosts switch: the first alone, then the others together (docs/decisions/010)."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from turnout import runner
from turnout.errors import TurnoutError
from turnout.events import Bus
from turnout.model import Address
from turnout.plan import Step
from turnout.steps.work import Done, Target


class Turns:
    """Two steps on three hosts, of which one may be sick; what began and ended, in order."""

    def __init__(self, sick: str = "") -> None:
        self.targets = [Target(Address(f"h{number}"), cast(Any, None)) for number in range(3)]
        self.bus, self.spans, self.happened, self._sick = Bus("d"), [], list[str](), sick
        self._switching = asyncio.Barrier(2)

    async def switch(self, _work: Any, host: Target) -> Done:
        self.happened.append(f"switch {host.name}")
        if host is not self.targets[0]:
            await self._switching.wait()  # both of them are here at one time, or it never ends
        return Done()

    async def prove(self, _work: Any, host: Target) -> Done:
        if host.name == self._sick:
            raise TurnoutError("it is sick", state="known")
        self.happened.append(f"proved {host.name}")
        return Done()

    async def carry_out(self) -> None:
        steps = tuple(Step(act.__name__, "first host first", act) for act in (self.switch, self.prove))
        async with asyncio.timeout(20):
            await runner._first_host_first(steps, cast(Any, self))


async def test_the_others_switch_together_when_the_first_is_proved() -> None:
    """What twenty hosts take is what two turns take."""
    turns = Turns()
    await turns.carry_out()
    assert turns.happened[:2] == ["switch h0", "proved h0"]
    assert turns.happened[2:4] == ["switch h1", "switch h2"]
    assert sorted(turns.happened[4:]) == ["proved h1", "proved h2"]


async def test_what_fails_on_the_first_reaches_no_other() -> None:
    """It serves nobody but that host's users, and not for long."""
    turns = Turns(sick="h0")
    with pytest.raises(TurnoutError, match="it is sick"):
        await turns.carry_out()
    assert turns.happened == ["switch h0"]


async def test_one_that_fails_does_not_stop_its_neighbour_half_way() -> None:
    """Every host ends its turn, then the failure is told."""
    turns = Turns(sick="h1")
    with pytest.raises(TurnoutError, match="it is sick"):
        await turns.carry_out()
    assert turns.happened[-1] == "proved h2"
