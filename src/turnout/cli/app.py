"""The table of commands. Their modules are light: what is heavy they import when they run."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from turnout import __version__
from turnout.errors import Cancelled

COMMANDS = {
    "init": "turnout.cli.init:init",
    "doctor": "turnout.cli.doctor:doctor",
    "plan": "turnout.cli.plan:plan",
    "decide": "turnout.cli.decide:decide",
    "deploy": "turnout.cli.deploy:deploy",
    "promote": "turnout.cli.promote:promote",
    "resume": "turnout.cli.resume:resume",
    "rollback": "turnout.cli.rollback:rollback",
    "releases": "turnout.cli.releases:releases",
    "status": "turnout.cli.status:status",
    "health": "turnout.cli.health:health",
    "history": "turnout.cli.history:history",
    "report": "turnout.cli.report:report",
    "logs": "turnout.cli.logs:logs",
    "monit": "turnout.cli.monit:monit",
    "env list": "turnout.cli.env.list:list_",
    "env set": "turnout.cli.env.change:set_",
    "env unset": "turnout.cli.env.change:unset",
    "env pull": "turnout.cli.env.pull:pull",
    "env push": "turnout.cli.env.push:push",
    "env diff": "turnout.cli.env.diff:diff",
    "backup": "turnout.cli.backup:backup",
    "restore": "turnout.cli.restore:restore",
    "pin": "turnout.cli.pin:pin",
    "verify": "turnout.cli.verify:verify",
    "package": "turnout.cli.package:package",
    "host trust": "turnout.cli.host:trust",
    "host rotate-key": "turnout.cli.rotate_key:rotate_key",
    "host adopt": "turnout.cli.adopt:adopt",
    "demo": "turnout.cli.demo.command:demo",
}
"""Each command and the function that carries it out; its docstring is the help text."""
GROUPS = {
    "host": "A host's key, the key that logs in, and what an earlier workflow left there.",
    "env": "The app's .env on the hosts: each change is a new release, proved, and can be rolled back.",
}


class Group(TyperGroup):
    """Ctrl-C is an end of ours (130), not one of the library's (1)."""

    def invoke(self, ctx: Any) -> Any:
        """Carry out the command that was named."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Cancelled("stopped") from None


def _version(value: bool) -> None:
    if value:
        print(f"turnout {__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Deploys Node, TypeScript and Prisma backends to your own servers, and proves that it worked."""


def build() -> typer.Typer:
    """The whole command line. Plain help: with rich it would take three times as long to come up."""
    plain: dict[str, Any] = {"rich_markup_mode": None, "no_args_is_help": True, "add_completion": False}
    top = typer.Typer(
        cls=Group,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **plain,
    )
    top.callback()(_top)
    groups = {name: typer.Typer(help=text, **plain) for name, text in GROUPS.items()}
    for words, home in COMMANDS.items():
        *group, name = words.split()
        module, _, function = home.partition(":")
        if _is_there(module):
            (groups[group[0]] if group else top).command(name)(
                getattr(importlib.import_module(module), function)
            )
    for name, inner in groups.items():
        top.add_typer(inner, name=name)
    return top


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


app = build()
