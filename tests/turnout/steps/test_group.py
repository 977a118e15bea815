"""What several hosts are told of one another; the hosts are played, test_group.py in integration/ has real ones."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from turnout.errors import Cancelled, RevertFailed, TurnoutError, Unhealthy, UsageError
from turnout.model import Address
from turnout.steps import group
from turnout.steps.follow import begin
from turnout.steps.work import Target, Work


class Played:
    """A host whose release waits for the word, or has ended; what it was told."""

    def __init__(self, waits: bool = True, ends: str = "reverted") -> None:
        self.waits, self.ends = waits, ends
        self.told: list[Any] = []
        self.read = False

    async def call(self, name: str, **args: Any) -> dict[str, Any]:
        if name == "group":
            self.told.append(args["word"])
            return {"waits": self.waits}
        self.read = True
        entry = {"type": "activation.ended", "seq": 9, "result": self.ends, "reason": "it burns"}
        args["on_event"]({"kind": "entry", "entry": entry})
        return {"entry": entry, "after": 9}


def scene(*hosts: Played) -> Work:
    """A deployment whose release has baked on each of them."""
    targets = [
        Target(Address(f"h{number}", "root"), cast(Any, host), release="v2")
        for number, host in enumerate(hosts)
    ]
    for target in targets:
        begin(target, group=True)
    quiet = lambda *_: None  # noqa: E731
    return cast(Work, SimpleNamespace(targets=targets, id="d", note=quiet, listen=lambda *_: quiet))


async def test_all_are_told_that_all_are_well() -> None:
    """After each was asked whether it still waits."""
    hosts = Played(), Played()
    await group.agree(scene(*hosts))
    assert [host.told for host in hosts] == [[None, "well"]] * 2


async def test_one_that_fell_sick_while_it_waited_is_what_failed() -> None:
    """Nobody is told that all is well."""
    hosts = Played(waits=False), Played()
    with pytest.raises(Unhealthy):
        await group.agree(scene(*hosts))
    assert [host.told for host in hosts] == [[None]] * 2


@pytest.mark.parametrize(
    "ends, error, kind, result",
    [
        ("reverted", TurnoutError("refused"), TurnoutError, "reverted"),
        ("reverted", ValueError("a bug"), ValueError, None),
        ("revert_failed", Unhealthy("sick"), RevertFailed, "failed"),
        ("succeeded", TurnoutError("lost"), TurnoutError, "failed"),
    ],
)
async def test_whatever_fails_on_one_takes_the_others_back(
    ends: str, error: Exception, kind: type[Exception], result: str | None
) -> None:
    """A way back that fails is worse than what was the reason for it."""
    host = Played(ends=ends)
    told = await group.take_back(scene(host), error)
    assert (type(told), getattr(told, "result", None)) == (kind, result)
    assert kind is not RevertFailed or (told.host, told.step) == ("root@h0", "verify")  # type: ignore[attr-defined]
    assert (host.told, host.read) == (["sick"], True)


async def test_one_whose_way_back_failed_stays_failed() -> None:
    """That the others went back makes no revert of it."""
    told = await group.take_back(scene(Played(ends="reverted")), RevertFailed("neither"))
    assert isinstance(told, RevertFailed)
    assert told.result == "failed"


async def test_a_person_who_stops_it_does_not_wait_for_the_way_back() -> None:
    """The hosts are told, and go back by themselves."""
    host = Played()
    stopped = Cancelled("stopped", state="old")
    assert await group.take_back(scene(host), stopped) is stopped
    assert (host.told, host.read, stopped.state) == (["sick"], False, "")


async def test_a_person_who_stops_the_waiting_is_told_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the others go back: they do so by themselves."""
    host, asked = Played(), asyncio.Event()

    async def hangs(*_: Any, **__: Any) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(host, "call", hangs)
    sick = Unhealthy("sick", state="old")
    waiting = asyncio.create_task(group.take_back(scene(host), sick))
    await asked.wait()
    waiting.cancel()
    assert await waiting is sick
    assert sick.state == ""


async def test_a_host_that_cannot_be_told_changes_nothing_of_what_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It hears nothing more from us, and goes back by itself."""

    async def deaf(*_: Any, **__: Any) -> None:
        raise UsageError("no such call")

    host = Played()
    monkeypatch.setattr(host, "call", deaf)
    for error in (Cancelled("stopped"), Unhealthy("sick")):
        assert await group.take_back(scene(host), error) is error


async def test_one_host_alone_is_told_nothing() -> None:
    """It ends its switch by itself."""
    host = Played()
    work = scene(host)
    work.targets[0].switch["group"] = False
    await group.take_back(work, Cancelled("stopped"))
    assert host.told == []
