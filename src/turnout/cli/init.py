"""`turnout init`: writes a turnout.toml for the app that is here, and says why it is as it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.cli.out import Line, say
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.cli.detect import Found


def init(
    environment: Annotated[
        str, typer.Argument(metavar="[ENVIRONMENT]", help="What the environment is called.")
    ] = "production",
    *,
    host: Annotated[
        str | None, typer.Option("--host", metavar="USER@HOST", show_default=False, help="The server.")
    ] = None,
    path: Annotated[
        str | None,
        typer.Option("--path", metavar="PATH", show_default=False, help="The app's folder on the server."),
    ] = None,
    github: Annotated[bool, typer.Option("--github", help="Write a workflow for GitHub Actions.")] = False,
    gitlab: Annotated[bool, typer.Option("--gitlab", help="Write a pipeline for GitLab CI.")] = False,
    git_hook: Annotated[
        bool, typer.Option("--git-hook", help="Write a post-receive hook into this bare repository.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    deploy_sh: Annotated[
        bool,
        typer.Option("--deploy-sh", help="Only write the app's deploy.sh, for a turnout.toml that is there."),
    ] = False,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,
) -> None:
    """Find the app that is here, and write a turnout.toml that explains each choice, and deploy.sh; or files for CI."""
    from turnout.cli import detect, pipelines, script, template
    from turnout.config import border

    file = Path.cwd() / (config or "turnout.toml")
    files = pipelines.Files(github, gitlab, git_hook, config, force, yes, as_json, quiet)
    if deploy_sh:
        script.only(file, force=force, as_json=as_json, quiet=quiet)
        return
    if git_hook or (files.wanted and file.exists()):
        files.add({})
        return
    if file.exists() and not force:
        raise UsageError(
            f"{file.name} is there already",
            state="it was not changed",
            remedy="turnout init --force    replaces it",
        )
    checked("ENVIRONMENT", environment, border.name)
    found = detect.find(Path.cwd())
    asks = sys.stdin.isatty() and sys.stderr.isatty() and not (yes or as_json)
    host = value("--host", host, border.host, "the server, as user@host" if asks else "")
    path = value("--path", path, border.folder_on_host, "the app's folder on the server" if asks else "")
    write(file, template.toml(found, environment, host, path))
    found.notes += script.write(file, found.folder, force=force)
    if not (as_json or quiet):
        say(report(file, found, environment, host, path))
    files.add({"file": str(file), "choices": found.why, "notes": found.notes})


def checked(name: str, written: str, check: Callable[[str], object]) -> str:
    """The value, if it may pass the border; UsageError that names the argument otherwise."""
    try:
        check(written)
    except ValueError as error:
        raise UsageError(f"{name} is wrong", where=name, why=str(error)) from None
    return written


def value(name: str, written: str | None, check: Callable[[str], object], question: str) -> str | None:
    """What was given, else what a person answers; None if nobody says."""
    if written is not None:
        return checked(name, written, check)
    while question:
        print(f"{question} (empty: later): ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip()
        if not answer:
            return None
        try:
            return checked(name, answer, check)
        except UsageError as error:
            print(f"  {error.why[0]}", file=sys.stderr)
    return None


def write(file: Path, text: str) -> None:
    """Put the text in place, whole and only if it can be read back."""
    from turnout import config

    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with temporary.open("x", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        config.load(temporary, file.parent)
        temporary.replace(file)
    except OSError as error:
        raise UsageError(
            f"{file.name} cannot be written", where=str(file), why=error.strerror or str(error)
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def report(file: Path, found: Found, environment: str, host: str | None, path: str | None) -> list[Line]:
    """Each choice and its reason, what is left to do, and what to type next."""
    chosen = {
        "app": found.app,
        "source": found.source,
        "node": found.node or "-",
        "branches": ", ".join(found.branches),
        "processes": found.ecosystem or "-",
        "health": found.health,
    }
    said: list[Line] = [("bold", f"{file.name} is written")]
    said += [("", f"  {key:<10} {chosen[key]}  ({found.why[key]})") for key in chosen if key in found.why]
    missing = [name for name, given in (("hosts", host), ("path", path)) if not given]
    if missing:
        said.append(
            (
                "yellow",
                f"  change     {' and '.join(missing)} of [environments.{environment}]: a stand-in is there",
            )
        )
    said += [("yellow", f"  note       {note}") for note in found.notes]
    return [*said, ("", f"  next       turnout doctor {environment}")]
