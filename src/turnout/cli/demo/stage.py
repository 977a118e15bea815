"""What people see of the demo besides the displays of its deployments. Silent with --json and -q."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from turnout.cli import options, running
from turnout.cli.demo.acts import Act, Played, proof
from turnout.cli.demo.site import BAKE, Site
from turnout.cli.demo.table import table
from turnout.cli.out import Line, say
from turnout.cli.quiet import Display

WIDTH = 70
"""Columns that every line of ours fits into."""
RULE: Line = ("dim", "─" * WIDTH)


class Stage:
    """Says what will happen and what it proved."""

    def __init__(self, shared: options.Shared) -> None:
        self.shared = shared
        self.silent = shared.as_json or shared.quiet
        self._display: Display | None = None

    @contextmanager
    def display(self) -> Iterator[Display]:
        """The display of one deployment, as the command line would choose it."""
        with running.display(self.shared) as shown:
            self._display = shown
            try:
                yield shown
            finally:
                self._display = None

    def tick(self) -> None:
        """Let a running display look at its clock."""
        if self._display:
            self._display.tick()

    def say(self, *lines: Line) -> None:
        """Say something, unless silence is asked for."""
        if not self.silent:
            say(lines)

    def open(self, site: Site) -> None:
        """Say what is there before the first act."""
        self.say(
            ("bold", "turnout demo"),
            ("", ""),
            ("", "   A backend, its server and its users live here for a while:"),
            ("cyan", f"   {site.folder}"),
            ("", "   Nothing outside is touched, and at the end all of it is gone."),
            ("", "   An SSH server in this process stands in for the VPS:"),
            ("cyan", f"   {site.server.address}"),
            ("", f"   A new release is watched for {BAKE} before it counts; usually for 10s."),
        )

    def announce(self, number: int, act: Act, commit: str) -> None:
        """Say what an act will do, and what a person would type for it."""
        self.say(
            ("", ""),
            RULE,
            ("bold", f"{number}  {act.title}"),
            *(("", f"   {line}") for line in act.says),
            *([("dim", f"   {commit}")] if act.change or not act.before else []),
            ("", ""),
            ("bold cyan", f"$ {act.command}"),
        )

    def prove(self, played: Played) -> None:
        """Say what an act has shown."""
        gap = [] if played.act.good else [("", "")]  # sets it off from the block of a failure
        self.say(*gap, ("green", f"→ {proof(played)}"))

    def figures(self, played: Sequence[Played], faults: Sequence[str]) -> None:
        """The table, and how it all went; said even with -q."""
        if self.shared.as_json or not played:
            return
        traffic = [one.traffic for one in played]
        total, failed = sum(one.requests for one in traffic), sum(one.failed for one in traffic)
        say([("", ""), RULE, *table(played), ("", "")])
        if not faults:
            say([("bold green", f"✓ all as expected · {total:,} requests, {failed:,} failed")])

    def farewell(self) -> None:
        """How to go on."""
        self.say(
            ("", ""),
            ("bold", "Next"),
            ("", "   turnout demo --keep   the same, then yours from a second terminal"),
            ("", "   turnout init          writes turnout.toml for your own app"),
        )

    def invite(self, site: Site) -> None:
        """What to type in a second terminal."""
        self.say(
            ("", ""),
            ("bold", "It is yours now. In a second terminal:"),
            ("cyan", f"  cd {site.author.folder} && . ../demo.env"),
            ("", ""),
            ("", "  turnout status"),
            ("", "  turnout releases"),
            ("", "  turnout deploy"),
            ("", "  turnout rollback"),
            ("", f"  curl http://127.0.0.1:{site.port}/health"),
            ("", ""),
            ("", "  Change backend/src/config/greeting.ts, git commit -a, and deploy it."),
            ("", "  The clients go on. Ctrl-C ends everything and removes the folder."),
            ("", ""),
        )
