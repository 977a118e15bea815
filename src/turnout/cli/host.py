"""`turnout host trust`: get to know a host's key."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.cli.out import say
from turnout.errors import HostKeyError, UsageError
from turnout.model import LOCAL

if TYPE_CHECKING:
    from turnout.model import Address


def trust(
    environment: options.EnvironmentName = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Forget another key that is known for this host.")
    ] = False,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,  # noqa: ARG001 - a key is never trusted unseen
) -> None:
    """Show the key of every host of an environment, and, once you agree, remember it."""
    from turnout.cli.running import target

    goal = target(options.Shared(environment, config))
    if goal.reach.known_hosts is not None:
        raise UsageError(
            "VPS_KNOWN_HOSTS is set, and then counts alone", remedy="unset it, or add the host's key to it"
        )
    remote = [address for address in goal.reach.hosts if address.host != LOCAL]
    if not remote:
        say([("", "local is this machine: there is no key to know")])
    known = {str(address): _trust(address, replace, yes) for address in remote}
    if as_json:
        from turnout.cli import jsonlines

        jsonlines.write({"hosts": [{"host": host, "key": key} for host, key in known.items()]})


def _trust(address: Address, replace: bool, yes: bool) -> str:
    """Make one host known; its key's type and fingerprint."""
    from turnout.cli.running import run
    from turnout.hosts import known_hosts
    from turnout.hosts.ssh import fetch_key

    host, port, key = run(fetch_key(address))
    name, described = known_hosts.pattern(host, port), known_hosts.describe(key)
    known = known_hosts.KnownHosts().match(host, port)
    if key in known.trusted:
        say([("green", f"✓ {name} is known already: {described}")])
        return described
    say(
        [
            ("bold", f"{name} shows {described}"),
            ("", "compare it, on the server itself or in its provider's console, with what this says there:"),
            ("", "  for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done"),
        ]
    )
    if not (yes or agreed("trust this key? [y/N] ")):
        raise HostKeyError(f"the key of {name} is not trusted", state="nothing was changed")
    try:
        file = known_hosts.trust(host, port, key, replace)
    except HostKeyError as error:
        if key not in known.revoked:
            error.remedy = ["once you know why it changed: the same command with --replace"]
        raise
    say([("green", f"✓ {name} is in {file}")])
    return described


def agreed(question: str) -> bool:
    """Ask a person; UsageError where there is none."""
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody is here to answer", why=question.strip(), remedy="add --yes if the answer is yes"
        )
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
