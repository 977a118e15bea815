"""`turnout doctor`: what stands in the way of a deployment, here and on every host, and what to type about it."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from turnout import text
from turnout.cli import options
from turnout.cli.out import Line, say

if TYPE_CHECKING:
    from turnout.doctor import Finding

WIDEST = 100
"""Columns; longer lines are hard to read, however wide the terminal is."""
MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}
"""Mark and style of each level, as in the other commands."""


def doctor(
    environment: options.EnvironmentName = None,
    *,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - everything is shown anyway
    quiet: options.Quiet = False,
) -> None:
    """Check this machine, the app and every host; each finding comes with its remedy. Changes nothing."""
    from turnout.cli.running import run
    from turnout.doctor import Asked, examine, exit_code

    asked = Asked(environment, config, Path.cwd(), os.environ)
    titles = 0

    def begin(title: str) -> None:
        nonlocal titles
        if not (as_json or quiet):
            say([("", "")] * bool(titles) + [("bold", title)])
        titles += 1

    def told(findings: Sequence[Finding]) -> None:
        if not (as_json or quiet):
            say(listed(findings))

    found = run(examine(asked, begin, told))
    if as_json:
        from turnout.cli.jsonlines import write

        write({"findings": [finding.as_json() for finding in found]})
    else:
        lines = list(ending(found, min(WIDEST, shutil.get_terminal_size().columns)))
        say(lines[1:] if quiet else lines)
    raise typer.Exit(exit_code(found))


def listed(findings: Sequence[Finding]) -> Iterator[Line]:
    """A line for each check, dim where all is well; what is not is told at the end, where people look."""
    for finding in findings:
        mark, style = MARKS[finding.level]
        message = text.harmless(finding.message) if finding.level == "ok" else "see below"
        yield "dim" if finding.level == "ok" else style, f"{mark} {finding.check:<12}  {message}"


def ending(findings: Sequence[Finding], width: int) -> Iterator[Line]:
    """Warnings, then problems, then the count."""
    for level in ("warning", "problem"):
        for finding in findings:
            if finding.level == level:
                yield "", ""
                yield from block(finding, width)
    yield "", ""
    yield count(findings)


def block(finding: Finding, width: int) -> Iterator[Line]:
    """What, where, why, and what to type; only that is never wrapped, so that it can be copied."""
    mark, style = MARKS[finding.level]
    for number, line in enumerate(_wrapped(finding.message, width - 2)):
        yield style, f"{' ' if number else mark} {line}"
    yield "dim", f"  where  {finding.where}, {finding.check}"
    reasons = [line for reason in finding.why for line in _wrapped(reason, width - 9)]
    for number, line in enumerate(reasons):
        yield "dim", f"  {'' if number else 'why':<6} {line}"
    remedies = [line for remedy in finding.remedy for line in text.lines(remedy)]
    for number, line in enumerate(remedies):
        yield "bold", f"  {'' if number else 'do':<6} {line}"


def count(findings: Sequence[Finding]) -> Line:
    """How many of each."""
    levels = [finding.level for finding in findings]
    warnings, problems = levels.count("warning"), levels.count("problem")
    good = levels.count("ok")
    parts = [f"{good} check is well" if good == 1 else f"{good} checks are well"]
    parts += [f"{warnings} warning{'s' * (warnings != 1)}"] if warnings else []
    parts += [f"{problems} problem{'s' * (problems != 1)}"] if problems else []
    mark, style = MARKS["problem" if problems else "warning" if warnings else "ok"]
    return style, f"{mark} {' · '.join(parts)}"


def _wrapped(said: str, width: int) -> list[str]:
    """Foreign text in lines of this width; words that are longer, such as paths, stay whole."""
    return [
        part
        for line in text.lines(said)
        for part in textwrap.wrap(line, max(width, 20), break_long_words=False, break_on_hyphens=False)
        or [""]
    ]
