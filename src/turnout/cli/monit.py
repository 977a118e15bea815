"""`turnout monit`: what every process of every host takes, live."""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated, Any

import typer

from turnout.cli import options
from turnout.cli.running import Target
from turnout.errors import Cancelled, TurnoutError

Interval = Annotated[
    float, typer.Option("--interval", min=0.2, max=3600, metavar="SECONDS", help="Time between two looks.")
]
Count = Annotated[
    int | None,
    typer.Option("--count", min=1, show_default=False, help="Look so many times; without a terminal once."),
]


def monit(
    environment: options.EnvironmentName = None,
    *,
    interval: Interval = 2.0,
    count: Count = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,  # noqa: ARG001 - the figures are all there is
) -> None:
    """Show CPU, memory, restarts, uptime and answers of every process on every host, live; q ends.

    Without a terminal it looks once, or --count times. With --json it writes one object a host and look, until Ctrl-C.
    """
    from turnout.cli.block import wants_color
    from turnout.cli.pipe import Closed
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    failed: dict[str, TurnoutError] = {}
    try:
        if as_json:
            run(_json(goal, interval, count, failed))
        elif wants_color(sys.stderr):
            run(_live(goal, interval, count))
        else:
            run(_lines(goal, interval, count or 1, failed))
    except Closed:
        raise typer.Exit from None
    except Cancelled:  # how one leaves what has no end
        raise typer.Exit(Cancelled.exit_code) from None
    if failed:
        raise next(iter(failed.values()))


async def _live(goal: Target, interval: float, count: int | None) -> None:
    import asyncio

    from rich.console import Console
    from rich.live import Live

    from turnout.cli.gauge import Gauge, drawn, lines
    from turnout.cli.keys import listening
    from turnout.cli.out import say
    from turnout.watch.samples import watch

    title = f"{goal.config.app} · {goal.environment.name} · every {interval:g} s"
    gauges = {str(address): Gauge(str(address)) for address in goal.reach.hosts}
    ended = asyncio.Event()
    console = Console(file=sys.stderr, highlight=False)
    with Live(
        drawn(title, list(gauges.values()), console.width), console=console, screen=True, auto_refresh=False
    ) as display:

        def tell(host: str, answer: dict[str, Any] | TurnoutError) -> None:
            gauges[host].take(answer)
            display.update(drawn(title, list(gauges.values()), console.width), refresh=True)

        with listening(lambda key: ended.set() if key in "qQ\x1b" else None):
            work = asyncio.create_task(
                watch(goal.config, goal.environment, goal.reach, "sample", interval, count, tell)
            )
            leave = asyncio.create_task(ended.wait())
            try:
                await asyncio.wait([work, leave], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (work, leave):
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work
    say(lines(list(gauges.values()), console.width))  # the last look stays, when the screen is gone


async def _lines(goal: Target, interval: float, count: int, failed: dict[str, TurnoutError]) -> None:
    from turnout.cli.gauge import Gauge, lines
    from turnout.cli.out import say
    from turnout.watch.samples import watch

    def tell(host: str, answer: dict[str, Any] | TurnoutError) -> None:
        if isinstance(answer, TurnoutError):
            failed[host] = answer
        else:
            failed.pop(host, None)
        gauge = Gauge(host)
        gauge.take(answer)
        say(lines([gauge]))

    await watch(goal.config, goal.environment, goal.reach, "sample", interval, count, tell)


async def _json(goal: Target, interval: float, count: int | None, failed: dict[str, TurnoutError]) -> None:
    from turnout.cli.pipe import write_json as write
    from turnout.watch.samples import watch

    def tell(host: str, answer: dict[str, Any] | TurnoutError) -> None:
        if isinstance(answer, TurnoutError):
            failed[host] = answer
            write({"host": host, "problem": answer.message, "exit_code": answer.exit_code})
        else:
            failed.pop(host, None)
            write({"host": host, **answer})

    await watch(goal.config, goal.environment, goal.reach, "sample", interval, count, tell)
