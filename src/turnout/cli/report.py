"""`turnout report`: what the last deployments took, against their median and the spec's budgets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnout import text
from turnout.cli import options
from turnout.cli.out import Line, columns, fold, say, width
from turnout.errors import TurnoutError, UsageError

if TYPE_CHECKING:
    from turnout.report.report import Report


def report(
    environment: options.EnvironmentName = None,
    *,
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=1, max=1000, help="How many deployments count.")
    ] = 20,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", show_default=False, help="Also write one page with charts."),
    ] = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Report step times, bytes, resources, frequency, lead time, failures and recovery of the last deployments."""
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    from turnout.report.gather import gather

    lost: list[TurnoutError] = []
    made = run(gather(goal.config, goal.environment, goal.reach, last, lost))
    if html:
        _write(html, made)
    if as_json:
        from turnout.cli.jsonlines import write

        write(made.as_json())
    elif not quiet:
        say(fold(screen(made, verbose), width()))
        say([("green", f"✓ {html} has it with charts")] if html else [])
    if lost:
        raise lost[0]


def _write(file: Path, made: Report) -> None:
    from turnout.report.page import render

    try:
        file.write_text(render(made), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written", why=error.strerror or "", where="--html") from None


def screen(made: Report, verbose: bool) -> Iterator[Line]:
    """The whole screen; with `verbose` every step, else those that take long."""
    from turnout.report import figures

    yield "bold", f"{made.app} · {made.environment} · the last {len(made.rows)} deployments"
    if not figures.counted(made.rows):
        yield "", "  nothing was deployed yet"
    else:
        yield from _short(made)
        yield from _phases(made)
        yield from _steps(made, verbose)
    yield from _resources(made)


def _short(made: Report) -> Iterator[Line]:
    from statistics import median

    from turnout.report import figures
    from turnout.report.words import per_week, share

    rows = made.rows
    lead, sent = figures.lead_times(rows, made.committed), figures.sizes(rows)
    recoveries = figures.recoveries(rows)
    counts = ", ".join(f"{count} {result}" for result, count in figures.results(rows).items())
    yield "", f"  results    {counts}"
    yield "", f"  frequency  {per_week(figures.per_week(rows, made.made))}"
    told = text.took(lead.median) if lead else "not known: git here does not have these commits"
    yield "", f"  lead time  {told}{', median from the commit to blessed' if lead else ''}"
    failed, back = share(figures.failure_rate(rows)), share(figures.change_failure_rate(rows))
    yield "", f"  failures   {failed} failed or were reverted · {back} of what reached users was taken back"
    if recoveries:
        yield "", f"  recovery   {text.took(median(recoveries))}, median of {len(recoveries)}"
    if sent:
        yield (
            "",
            f"  sent       {text.size(sent.median)}, median; last {text.size(sent.last)}, most {text.size(sent.high)}",
        )


def _phases(made: Report) -> Iterator[Line]:
    from turnout.report import figures

    known, total = figures.phases(made.rows), figures.totals(made.rows)
    rows, over = [["phase", "last", "median", "budget", ""]], [False]
    entries = [(one.phase, known.get(one.phase), one.low, one.high) for one in figures.BUDGETS]
    for name, spread, low, high in [*entries, ("all", total, *figures.TOTAL)]:
        bad = spread is not None and spread.median > high
        budget = text.took(high) if low == high else f"{low / 60:.0f}-{high / 60:.0f} min"
        times = [text.took(spread.last), text.took(spread.median)] if spread else ["-", "-"]
        rows.append([name, *times, budget, "over" if bad else "within" if spread else ""])
        over.append(bad)
    head, *lines = columns(rows, "  ", right=(1, 2, 3))
    yield "dim", head
    for line, bad in zip(lines, over[1:], strict=True):
        yield "yellow" if bad else "", line


def _steps(made: Report, verbose: bool) -> Iterator[Line]:
    from turnout.report import figures

    found = figures.steps(made.rows)
    shown = {name: one for name, one in found.items() if verbose or one.high >= 1}
    rows = [["step", "last", "median", "fastest", "slowest"]]
    rows += [
        [name, *map(text.took, (one.last, one.median, one.low, one.high))] for name, one in shown.items()
    ]
    if len(rows) > 1:
        head, *lines = columns(rows, "  ", right=(1, 2, 3, 4))
        yield "dim", head
        yield from (("", line) for line in lines)
    if len(shown) < len(found):
        yield "dim", f"  and {len(found) - len(shown)} steps that take less than a second: -v"


def _resources(made: Report) -> Iterator[Line]:
    from turnout.report.report import on_disk

    for host, used in made.resources.items():
        parts = ", ".join(
            f"{part} {text.size(used[part])}" for part in ("releases", "store", "layers", "logs")
        )
        yield "bold", f"  {host}"
        cpu, memory = f"{used['cpu']:.0f} % of a core", text.size(used["memory"])
        yield "", f"    {used['processes']:.0f} processes: {cpu}, {memory} of memory"
        yield "", f"    {text.size(on_disk(used))} on disk: {parts}; {text.size(used['free'])} free"
