"""`turnout host rotate-key`: another SSH key on every host of an environment, proved before the old one goes."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.cli.host import agreed
from turnout.cli.out import say
from turnout.errors import LoginError, UsageError
from turnout.model import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from turnout.cli.running import Target
    from turnout.config import Reach
    from turnout.hosts.keyfile import Pair
    from turnout.rotate import Rotation

VARIABLE = "VPS_SSH_KEY"


@dataclass(frozen=True)
class Plan:
    """The old key, where it comes from, and the file that the new one goes to."""

    old: Pair
    source: str
    file: Path
    begun: Pair | None = None
    """The key that is in `file` already: the same command was cut off, and only the old key has to go."""


def rotate_key(
    environment: options.EnvironmentName = None,
    *,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="The private key to replace; else the one that logs in."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where the new key goes; else where the old one is."),
    ] = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,
) -> None:
    """Put a new SSH key on every host, prove a login with it, remove the old one, and prove that it fails."""
    from turnout.cli.running import run, target

    goal = target(options.Shared(environment, config))
    reach = replace(goal.reach, hosts=tuple(one for one in goal.reach.hosts if one.host != LOCAL))
    if not reach.hosts:
        raise UsageError("local is this machine: there is no key to rotate")
    plan = run(_plan(goal, reach, key, out.absolute() if out else None))
    if not quiet:
        say([("bold", f"the key {plan.old.fingerprint} ({plan.source}) will be replaced")])
        say([("", f"  on {address}") for address in reach.hosts])
        say([("", f"  {_where(plan)}")])
        say([("", "  whatever else knows the old key must be told of the new one")])
    if not (yes or agreed("go on? [y/N] ")):
        raise UsageError("nothing was agreed to")
    new, backup = _carry_out(goal, reach, plan, quiet)
    lines = _ending(plan, new, backup)
    if not quiet:
        say(lines)
    if as_json:
        from turnout.cli.jsonlines import write

        hosts = [str(address) for address in reach.hosts]
        names = {"file": str(plan.file), "backup": str(backup) if backup else None}
        write({"hosts": hosts, "old": plan.old.fingerprint, "new": new.fingerprint, **names})


def _where(plan: Plan) -> str:
    if plan.begun:
        return (
            f"the new one is in {plan.file} since the rotation that was cut off: only the old one has to go"
        )
    kept = " (the old one is kept beside it)" if plan.file.exists() else ""
    return f"the new one goes to {plan.file}{kept}"


async def _plan(goal: Target, reach: Reach, key: Path | None, out: Path | None) -> Plan:
    from turnout.hosts import keyfile

    if reach.key and key is None:
        import asyncssh  # noqa: F401 - the key's texts come from it

        from turnout.hosts.identity import identity

        if out is None and os.environ.get("CI"):
            raise UsageError(
                f"the new key would be lost with this machine: {VARIABLE} cannot be set from here",
                remedy=[
                    "run it on your own machine, with --key FILE",
                    "or name a file that stays: --out FILE",
                ],
            )
        name = f"turnout-{goal.config.app}-{goal.environment.name}"
        pair = keyfile.Pair.of(identity(reach.key))
        return await _apart(goal, reach, Plan(pair, VARIABLE, out or Path.home() / ".ssh" / name))
    file, old = (key, keyfile.read(key)) if key else await _that_logs_in(goal, reach)
    if out:
        return await _apart(goal, reach, Plan(old, str(file), out))
    return Plan(old, str(file), _real(file))


def _real(file: Path) -> Path:
    """A link to a key stays one."""
    return file.resolve()


async def _apart(goal: Target, reach: Reach, plan: Plan) -> Plan:
    """The plan for a file of its own, which may be there only if this very rotation was cut off. Raises UsageError."""
    from turnout.hosts import keyfile

    if not plan.file.exists():
        return plan
    taken = UsageError(f"{plan.file} is there already", remedy="name another one: --out FILE")
    try:
        new = keyfile.read(plan.file)
    except UsageError:
        raise taken from None
    if new.fingerprint == plan.old.fingerprint or not await _rotation(goal, reach, plan, new).begun():
        raise taken
    return replace(plan, begun=new)


async def _that_logs_in(goal: Target, reach: Reach) -> tuple[Path, Pair]:
    """The first of the user's key files that every host takes."""
    from turnout.hosts import keyfile
    from turnout.runner import connect

    files = list(dict.fromkeys([file for one in reach.hosts for file in await keyfile.candidates(one)]))
    for file in files:
        pair = keyfile.read(file)
        try:
            for address in reach.hosts:
                client = await connect(goal.environment, replace(reach, key=pair.private), address)
                await client.close()
        except LoginError:
            continue
        return file, pair
    tried = [f"tried: {file}" for file in files] or [
        "there is no key file that can be read without a passphrase"
    ]
    raise LoginError(
        "no key file logs in on every host",
        why=tried,
        remedy=["name the one to replace: --key FILE"],
        state="nothing was changed",
    )


def _rotation(
    goal: Target,
    reach: Reach,
    plan: Plan,
    new: Pair,
    place: Callable[[], None] = lambda: None,
    quiet: bool = True,
) -> Rotation:
    import getpass
    import socket

    from turnout.rotate import Rotation

    by = f"{getpass.getuser()}@{socket.gethostname()}"
    said = (lambda _: None) if quiet else (lambda line: say([("green", f"✓ {line}")]))
    return Rotation(goal.environment, reach, plan.old, new, by, place, said)


def _carry_out(goal: Target, reach: Reach, plan: Plan, quiet: bool) -> tuple[Pair, Path | None]:
    from turnout.cli.running import run
    from turnout.hosts import keyfile

    if plan.begun:
        run(_rotation(goal, reach, plan, plan.begun, quiet=quiet).finish())
        return plan.begun, None
    fresh = not plan.file.with_name(plan.file.name + keyfile.NEW).exists()
    new = keyfile.begin(plan.file, f"turnout-{goal.environment.name}-{time.strftime('%Y%m%d')}")
    backups: list[Path | None] = []
    rotation = _rotation(goal, reach, plan, new, lambda: backups.append(keyfile.place(plan.file, new)), quiet)
    try:
        run(rotation.run())
    except BaseException:
        if not backups and (not rotation.left if rotation.tried else fresh):
            keyfile.discard(plan.file)
        raise
    return new, backups[0]


def _ending(plan: Plan, new: Pair, backup: Path | None) -> list[tuple[str, str]]:
    lines = [("bold", f"✓ {new.fingerprint} logs in now, and {plan.old.fingerprint} does not")]
    if backup:
        lines.append(("", f"  it is in {plan.file}; the old one is in {backup}, and may go"))
    else:
        lines.append(("", f"  it is in {plan.file}"))
    if plan.source == VARIABLE:
        lines += [
            ("", f"  in CI: set the secret {VARIABLE} to it, then remove the file"),
            ("", f"    gh secret set {VARIABLE} < {plan.file}"),
        ]
    elif not backup:
        lines.append(("", f"  logins use it once ~/.ssh/config says: IdentityFile {plan.file}"))
    return lines
