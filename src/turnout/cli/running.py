"""What deploy and rollback share: read the file, choose a display, carry out, and end with the outcome's code."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from turnout.cli import readers
from turnout.cli.options import Shared
from turnout.cli.quiet import Display
from turnout.cli.telling import told
from turnout.cli.trace import Trace
from turnout.errors import Cancelled, TurnoutError
from turnout.events import Bus, Event

if TYPE_CHECKING:
    from turnout.config import Config, Environment, Reach
    from turnout.model import Outcome

Answer = TypeVar("Answer")
TICK = 0.5
"""Seconds between two looks of a display at its clock."""


@dataclass(frozen=True)
class Target:
    """What a command is about."""

    config: Config
    environment: Environment
    reach: Reach


def target(shared: Shared) -> Target:
    """Read turnout.toml and the surroundings. Raises UsageError."""
    from turnout import config

    read = config.load(shared.config, Path.cwd())
    environment = read.environment(shared.environment)
    return Target(read, environment, config.reach(environment, os.environ))


def display(shared: Shared) -> Display:
    """The display that fits: JSON, only the end, a terminal's, or plain lines."""
    if shared.as_json:
        from turnout.cli.jsonlines import JsonLines

        return JsonLines()
    from turnout.cli import workflow
    from turnout.cli.block import wants_color

    if workflow.here():
        from turnout.cli.actions import Actions

        return Actions(quiet=shared.quiet, config=shared.config)

    if shared.quiet:
        from turnout.cli.quiet import Quiet

        return Quiet()
    if wants_color(sys.stderr):
        from turnout.cli.display import LiveDisplay

        return LiveDisplay(verbose=shared.verbose)
    from turnout.cli.plain import Plain

    return Plain(verbose=shared.verbose)


def new_deployment() -> str:
    """A name for a deployment that sorts by time."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"


def carry_out(shared: Shared, act: Callable[[Target, Bus], Awaitable[Outcome]]) -> int:
    """Carry out a deployment and give its exit code. However it ends, the last event is deployment.finished."""
    bus = Bus(new_deployment(), shared.environment)
    ends: list[Event] = []
    bus.listen(lambda event: ends.append(event) if event.type == "deployment.finished" else None)
    with told(bus), display(shared) as shown:
        bus.listen(readers.outlasted(shown.feed))
        try:
            if shared.trace:
                bus.listen(Trace(shared.trace).feed)
            goal = target(shared)
            bus.environment = goal.environment.name
            return run(_outcome(act, goal, bus), readers.outlasted(shown.tick)).exit_code
        except Exception as error:  # noqa: BLE001 - whatever it is, the last event is owed
            failed = _expected(error)
            if not ends:
                _finish(bus, failed)
            return failed.exit_code


async def _outcome(act: Callable[[Target, Bus], Awaitable[Outcome]], goal: Target, bus: Bus) -> Outcome:
    return await act(goal, bus)


def _expected(error: Exception) -> TurnoutError:
    if isinstance(error, TurnoutError):
        return error
    from turnout.cli import crash

    return crash.report(error)


def _finish(bus: Bus, error: TurnoutError) -> None:
    from turnout.cli.block import Block

    bus.emit(
        "deployment.finished",
        result=error.result,
        exit_code=error.exit_code,
        release=None,
        previous=None,
        seconds=0.0,
        bytes_sent=0,
        notes=[],
        error={
            "message": error.message,
            "where": error.where,
            "why": error.why,
            "remedy": error.remedy,
            "state": Block.of(error).state,
            "host": error.host,
            "step": error.step,
        },
    )


def run(work: Coroutine[Any, Any, Answer], tick: Callable[[], None] | None = None) -> Answer:
    """Run `work` to its end. Ctrl-C, SIGTERM and SIGHUP cancel it, so that it cleans up; raises Cancelled then.

    CI sends SIGINT, seconds later SIGTERM, and then kills: another signal does not disturb the cleaning up; the same
    one again, as a person in a hurry sends it, cuts that short.
    """
    import asyncio

    async def ticking() -> None:
        while tick:
            tick()
            await asyncio.sleep(TICK)

    seen: set[int] = set()

    def stop(task: asyncio.Task[Answer], number: int) -> None:
        if not seen or number in seen:
            task.cancel()
        seen.add(number)

    async def all_of_it() -> Answer:
        task = asyncio.create_task(work)
        beat = asyncio.create_task(ticking())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop, task, number)
        try:
            return await task
        finally:
            beat.cancel()

    try:
        return asyncio.run(all_of_it())
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise Cancelled("stopped", remedy="the same command again carries on") from None
