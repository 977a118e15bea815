"""`turnout decide`: would this revision be deployed now, and why; drawn as the tree, with the path taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout.cli import options
from turnout.cli.out import Line, say
from turnout.errors import GateRefused

if TYPE_CHECKING:
    from turnout.gate.model import Answer, Verdict
    from turnout.model import Revision

WIDTH = 46
"""Columns of the questions; their other ways out stand behind."""
STYLES = {"deploy": "bold green", "skip": "bold green", "wait": "bold yellow", "refuse": "bold red"}
OTHERWISE = {
    "branch": ("no", "refuse"),
    "changed": ("no", "skip: nothing to deploy"),
    "older": ("yes", "refuse"),
    "checks": ("no", "refuse; not yet: wait"),
    "requires": ("no", "refuse; not yet: wait"),
    "window": ("no", "wait"),
}
"""The way out of the tree at each question, by name."""


def decide(
    environment: options.EnvironmentName = None,
    *,
    ref: Annotated[
        str, typer.Option("--ref", metavar="REF", help="The revision: a branch, a tag or a commit.")
    ] = "HEAD",
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - everything is shown
    quiet: options.Quiet = False,
) -> None:
    """Show whether a revision would be deployed now, and why; exit code 10 for wait and refuse."""
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    from turnout import inspect

    revision, verdict = run(inspect.decide(goal.config, goal.environment, goal.reach, ref))
    if as_json:
        from turnout.cli.jsonlines import write

        write(as_object(goal.config.app, goal.environment.name, revision, verdict))
    elif not quiet:
        say(screen(goal.config.app, goal.environment.name, revision, verdict))
    raise typer.Exit(exit_code(verdict))


def exit_code(verdict: Verdict) -> int:
    """0 for deploy and skip, 10 for wait and refuse."""
    return GateRefused.exit_code if verdict.word in {"wait", "refuse"} else 0


def as_object(app: str, environment: str, revision: Revision, verdict: Verdict) -> dict[str, Any]:
    """The object of docs/json.md."""
    return {
        "app": app,
        "environment": environment,
        "ref": revision.ref,
        "revision": revision.commit,
        "subject": revision.subject,
        "verdict": verdict.word,
        "until": verdict.until.timestamp() if verdict.until else None,
        "reasons": verdict.reasons,
        "remedy": verdict.remedy,
        "questions": [_question(answer) for answer in verdict.answers],
    }


def _question(answer: Answer) -> dict[str, Any]:
    return {
        "name": answer.name,
        "question": answer.question,
        "answer": answer.answer,
        "effect": answer.effect,
        "urgent": answer.passed,
        "reason": answer.reason,
        "evidence": list(answer.evidence),
        "remedy": list(answer.remedy),
        "until": answer.until.timestamp() if answer.until else None,
    }


def screen(app: str, environment: str, revision: Revision, verdict: Verdict) -> Iterator[Line]:
    """The tree from the change to the verdict; the path taken is bright, the rest dim."""
    yield "bold", f"{app} · {environment}"
    yield "", f"  Change made to code: {revision.short} {revision.subject}"
    yield "dim", "  │"
    for answer in verdict.answers:
        yield from _node(answer)
    yield "dim", "  ▼"
    yield STYLES[verdict.word], f"  {verdict.word.upper()}{f' until {verdict.when}' if verdict.when else ''}"
    for reason in verdict.reasons:
        yield "", f"    why  {reason}"
    for line in verdict.remedy:
        yield "", f"    do   {line}"


def _node(answer: Answer) -> Iterator[Line]:
    """A question, its way out, and the answer with its evidence."""
    stops, asked = answer.effect != "go", answer.answer != "not asked"
    way, end = OTHERWISE.get(answer.name, ("", "")) if answer.evidence or stops or not asked else ("", "")
    yield "dim", "  ▼"
    style = STYLES[answer.effect] if answer.effect != "go" else "bold" if asked else "dim"
    taken, other = f"━━ {answer.answer.upper()} ━━▶ {answer.effect.upper()}", f"── {way} ──▷ {end}"
    out = taken if stops else other if end else ""
    yield style, f"  {answer.question:<{WIDTH}} {out}".rstrip()
    first, *more = answer.evidence or ("",)
    mark = "╎" if stops else "│"
    passed = "  (urgent: it passes)" if answer.passed else ""
    yield "" if asked else "dim", f"  {mark} {answer.answer.upper():<8} {first}{passed}".rstrip()
    for line in more:
        yield "" if asked else "dim", f"  {mark} {'':<8} {line}"
