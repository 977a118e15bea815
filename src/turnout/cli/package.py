"""`turnout package`: the classic backend-deploy.tar.gz."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from turnout import text
from turnout.cli import options
from turnout.cli.out import say
from turnout.errors import PackageError
from turnout.model import DeployOptions


def package(
    environment: options.EnvironmentName = None,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")] = Path(
        "backend-deploy.tar.gz"
    ),
    ref: Annotated[
        str, typer.Option("--ref", metavar="REF", help="The revision: a branch, a tag or a commit.")
    ] = "HEAD",
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Build a revision and write it as one archive: dist, production node_modules, prisma and so on; never a .env."""
    from turnout.cli.running import run
    from turnout.config import load
    from turnout.events import Bus, Event

    read = load(config, Path.cwd())
    goal = read.environment(environment)  # no host is reached, and none need be named
    if out.is_dir() or not out.parent.is_dir():  # before a build that would be for nothing
        raise PackageError(f"{out} cannot be written", why="--out names a file, in a folder that is there")
    from turnout.packing import pack

    def hear(event: Event) -> None:
        line = event.data.get("line") if verbose else None
        shown = event.data.get("message") or line
        if shown:
            say([("dim", f"  {shown}")])

    bus = Bus("package", goal.name)
    if not (quiet or as_json):
        bus.listen(hear)
    try:
        done = run(pack(read, goal, DeployOptions(ref), bus, out))
    except OSError as error:
        raise PackageError(f"{out} cannot be written", why=error.strerror or str(error)) from None
    if as_json:
        from turnout.cli.jsonlines import write

        write(
            {
                "file": str(done.file),
                "revision": done.revision.commit,
                "entries": done.entries,
                "size": done.size,
                "platform": done.platform,
                "node": done.node,
            }
        )
    elif not quiet:
        what = f"{done.revision.short}, {done.entries:,} entries, {text.size(done.size)}"
        say([("green", f"✓ {done.file} · {what} · for {done.platform}, Node {done.node.partition('.')[0]}")])
