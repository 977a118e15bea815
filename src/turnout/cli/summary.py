"""What stays of a deployment in GitHub Actions: the step's summary, and the outputs `release`, `result`, `url`."""

from __future__ import annotations

import html
import os
import re
import secrets
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from turnout import text
from turnout.cli import ending
from turnout.events import Event

COMMITS = 50
"""Commits that are listed."""
_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~@>:])")


class Summary:
    """Gathers a deployment's events, and writes both files when it has ended."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self.variables = variables
        self.started: Event | None = None
        self.steps: list[Event] = []
        self.about: dict[str, Any] = {}

    def feed(self, event: Event) -> None:
        """Take in one event."""
        if event.type == "deployment.started":
            self.started = event
        elif event.type == "step.finished":
            self.steps.append(event)
        elif event.type in {"deployment.revision", "deployment.changes"}:
            self.about |= event.data
        elif event.type == "deployment.finished":
            self._append("GITHUB_STEP_SUMMARY", self.markdown(event))
            self._append("GITHUB_OUTPUT", self.outputs(event))

    def outputs(self, end: Event) -> str:
        """`release`, `result` and `url`, each between delimiters that nobody can know beforehand."""
        url = self.started.data.get("url") if self.started else None
        values = {"release": end.data.get("release"), "result": end.data.get("result"), "url": url}
        return "".join(_output(name, text.harmless(str(value or ""))) for name, value in values.items())

    def markdown(self, end: Event) -> str:
        """The page: what came of it, why it failed, the timeline, the commits, what to type next."""
        parts = [
            self._heading(end),
            self._failure(end),
            self._timeline(),
            self._commits("Changes", "commits"),
            self._commits("Taken back", "taken_back"),
            self._next(end),
        ]
        return "\n\n".join(part for part in parts if part) + "\n\n"

    def _heading(self, end: Event) -> str:
        mark = "✅" if end.data.get("exit_code") == 0 else "❌"
        lines = [f"### {mark} {escaped(end.environment or '')}: {escaped(ending.summary(end))}"]
        data = self.started.data if self.started else {}
        revision = self._commit(str(self.about.get("revision") or ""))
        facts = [
            f"{revision} {escaped(str(self.about.get('subject') or ''))}" if revision else "",
            f"by {escaped(str(data['by']))}" if data.get("by") else "",
            f"on {escaped(', '.join(map(str, data.get('hosts') or ())))}" if data.get("hosts") else "",
            f"<{data['url']}>" if data.get("url") else "",
        ]
        lines += [" · ".join(fact for fact in facts if fact)]
        lines += [f"- {escaped(note)}" for note in ending.notes(end)]
        return "\n\n".join(lines[:2]) + ("\n\n" + "\n".join(lines[2:]) if lines[2:] else "")

    def _failure(self, end: Event) -> str:
        block = ending.failure(end)
        if block is None:
            return ""
        rows = [f"{label:<6} {line}".rstrip() for label, _, line in block.rows()]
        return fenced(rows)

    def _timeline(self) -> str:
        if not self.steps:
            return ""
        several = self.started is not None and len(self.started.data.get("hosts") or ()) > 1
        rows = [
            f"| {escaped(event.step or '')}{' ' + escaped(event.host) if several and event.host else ''} "
            f"| {escaped(event.status or '')} | {text.took(event.seconds or 0.0)} "
            f"| {escaped(str(event.data.get('detail') or ''))} |"
            for event in self.steps
        ]
        return "\n".join(["| step | | took | |", "| --- | --- | ---: | --- |", *rows])

    def _commits(self, title: str, key: str) -> str:
        commits = self.about.get(key) or []
        if not commits:
            return ""
        lines = [f"- {self._commit(one['commit'])} {escaped(one['subject'])}" for one in commits[:COMMITS]]
        more = [f"- and {len(commits) - COMMITS} more"] if len(commits) > COMMITS else []
        return "\n".join([f"#### {title}", "", *lines, *more])

    def _commit(self, commit: str) -> str:
        server, repository = self.variables.get("GITHUB_SERVER_URL"), self.variables.get("GITHUB_REPOSITORY")
        short = f"`{commit[:10]}`" if commit else ""
        return (
            f"[{short}]({server}/{repository}/commit/{commit})" if short and server and repository else short
        )

    def _next(self, end: Event) -> str:
        if ending.failure(end) or not end.environment:
            return ""  # the block has them
        name = end.environment
        commands = [f"turnout status {name}", f"turnout rollback {name}"]
        return "#### Next\n\n" + fenced(commands)

    def _append(self, variable: str, written: str) -> None:
        file = self.variables.get(variable)
        if not file:
            return
        try:
            with Path(file).open("a", encoding="utf-8", errors="replace") as out:
                out.write(written)
        except OSError as error:
            print(f"note: {variable} could not be written: {error.strerror}", file=sys.stderr)


def _output(name: str, value: str) -> str:
    delimiter = f"turnout_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def escaped(foreign: str) -> str:
    """Foreign text as Markdown that shows it letter by letter: no HTML, links, pictures, tables, mentions."""
    return html.escape(_MARKS.sub(r"\\\1", text.harmless(foreign)), quote=False).replace("\\&gt;", "&gt;")


def fenced(rows: Iterable[str]) -> str:
    """Lines as they are, in a fence that is longer than any in them."""
    inner = "\n".join(text.harmless(row) for row in rows)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", inner)), default=0))
    return f"{fence}text\n{inner}\n{fence}"
