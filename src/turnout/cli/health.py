"""`turnout health`: asks every host's health path, and the environment's `url` from here; once or again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout import text
from turnout.cli import options
from turnout.cli.out import Line, fold, named, say, width
from turnout.cli.running import Target
from turnout.cli.status import exit_code, headline, health_words
from turnout.errors import Cancelled, TurnoutError, Unhealthy

if TYPE_CHECKING:
    from turnout.watch.outside import Outside

Watch = Annotated[bool, typer.Option("--watch", help="Ask again and again, until Ctrl-C.")]
Interval = Annotated[
    float,
    typer.Option(
        "--interval", min=0.2, max=3600, metavar="SECONDS", help="With --watch: time between two looks."
    ),
]


def health(
    environment: options.EnvironmentName = None,
    *,
    watch: Watch = False,
    interval: Interval = 5.0,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,
) -> None:
    """Ask the health path of every host, and `url` from here; exit code 50 if one is not well."""
    from turnout.cli.pipe import Closed
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    if watch:
        try:
            run(_watch(goal, interval, as_json))
        except Closed:
            raise typer.Exit from None
        except Cancelled:  # how one leaves what has no end
            raise typer.Exit(Cancelled.exit_code) from None
    lost: list[TurnoutError] = []
    hosts, answer = run(_once(goal, lost))
    if as_json:
        from turnout.cli.jsonlines import write

        found = {"app": goal.config.app, "environment": goal.environment.name, "hosts": hosts}
        write(found | ({"outside": answer.as_json()} if answer else {}))
    elif not quiet:
        say(fold(screen(hosts, answer, time.time()), width()))
    if lost:
        raise lost[0]
    raise typer.Exit(exit_code(hosts) or (Unhealthy.exit_code if answer and not answer.ok else 0))


def screen(hosts: list[dict[str, Any]], answer: Outside | None, now: float) -> Iterator[Line]:
    """Every host, and what came back from `url`."""
    for host in hosts:
        yield from headline(host, now)
        if "problem" not in host:
            yield "", f"  health     {health_words(host.get('health') or {})}"
            yield from (("yellow", f"  look       {doubt}") for doubt in host.get("needs_a_look") or ())
    if answer:
        yield from outside_lines(answer, now)


async def _once(goal: Target, lost: list[TurnoutError]) -> tuple[list[dict[str, Any]], Outside | None]:
    import asyncio

    from turnout import inspect

    hosts, answer = await asyncio.gather(
        inspect.health(goal.config, goal.environment, goal.reach, lost),
        _outside(goal),
        return_exceptions=True,
    )
    if isinstance(hosts, BaseException):
        raise hosts
    assert not isinstance(answer, BaseException)
    return hosts, answer


async def _outside(goal: Target) -> Outside | None:
    from turnout.watch import outside

    if not goal.environment.url:
        return None
    url = outside.address(goal.environment.url, goal.config.health.path)
    return await outside.ask(url, goal.config.health.timeout)


async def _watch(goal: Target, interval: float, as_json: bool) -> None:
    import asyncio

    from turnout.cli.pipe import write_json
    from turnout.watch.samples import watch

    def tell(host: str, answer: dict[str, Any] | TurnoutError) -> None:
        if not as_json:
            say(_dated(look_lines(host, answer)))
        elif isinstance(answer, TurnoutError):
            write_json({"ts": _now(), "host": host, "problem": answer.message, "exit_code": answer.exit_code})
        else:
            write_json({"ts": _now(), "host": host, **answer})

    async def from_outside() -> None:
        while answer := await _outside(goal):
            if as_json:
                write_json({"ts": _now(), "outside": answer.as_json()})
            else:
                say(_dated(outside_lines(answer, time.time())))
            await asyncio.sleep(interval)

    hosts = watch(goal.config, goal.environment, goal.reach, "health", interval, None, tell)
    await asyncio.gather(hosts, from_outside())


def _now() -> float:
    return round(time.time(), 3)


def _dated(lines: Iterator[Line]) -> Iterator[Line]:
    clock = time.strftime("%H:%M:%S")
    return ((style, f"{clock} {line}") for style, line in lines)


def look_lines(host: str, answer: dict[str, Any] | TurnoutError) -> Iterator[Line]:
    """One look at one host, in a line; below it what does not fit together."""
    if isinstance(answer, TurnoutError):
        yield "red", f"✗ {named(host, answer.message)}"
        return
    found = answer.get("health") or {}
    doubts = answer.get("needs_a_look") or []
    release = f" · {answer['release']}" if answer.get("release") else ""
    style, mark = ("red", "✗") if not found.get("ok") else ("yellow", "!") if doubts else ("green", "✓")
    yield style, f"{mark} {host}{release} · {health_words(found)}"
    yield from (("yellow", f"    {doubt}") for doubt in doubts)


def outside_lines(answer: Outside, now: float) -> Iterator[Line]:
    """What came back from `url`, and what is to be said of its certificate."""
    from turnout.watch.outside import warning

    took = f" in {answer.seconds * 1000:.0f} ms" if answer.seconds is not None else ""
    status = f"{answer.status}{took}" if answer.status is not None else "no answer"
    said = [
        f"{'✓' if answer.ok else '✗'} from here",
        status,
        *([answer.reason] if answer.reason else []),
        answer.url,
    ]
    if answer.expires is not None:
        said.append(f"certificate for {text.ago(answer.expires - now)}")
    yield "green" if answer.ok else "red", " · ".join(said)
    if warning(answer, now):
        yield "yellow", f"    {warning(answer, now)}"
