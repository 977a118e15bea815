"""Can the production layer be pruned from what the build installed? (docs/decisions/012-the-layer-is-pruned.md)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from turnout.builder import inputs, install

if TYPE_CHECKING:
    from pathlib import Path

    from turnout.config.schema import Config

ALL, PRODUCTION = "npm ci", "npm ci --omit=dev"
COMMAND = "npm prune --omit=dev --no-save --package-lock"
"""Without saving, npm takes the lock file as it is, as `npm ci` does, and resolves nothing anew."""


def prunes(source: Path, config: Config) -> bool:
    """Whether COMMAND on what the build installs gives what PRODUCTION would.

    So it is where the commands differ in `--omit=dev` alone, read nothing but their inputs, and run no script of the
    app that may fail without devDependencies.
    """
    installs = inputs.effective(config.build.install, source)
    wanted = inputs.effective(config.dependencies.commands, source)
    if (installs[:1], wanted[:1]) != ([ALL], [PRODUCTION]):
        return False  # perhaps there is no package.json either
    package = inputs.package_json(source)
    return (
        installs[1:] == wanted[1:]
        and not install.reads_anything(installs, package)
        and all("||" in script for script in install.own_scripts(package))
        and _usual(inputs.lock(source))
    )


def _usual(lock: Mapping[str, Any]) -> bool:
    """Nothing in it that prune treats otherwise than `npm ci`.

    Packages that belong to nobody stay with one npm and go with another; of a program that a devDependency and
    another package both bring, the one that goes takes the link along.
    """
    listed = lock.get("packages")
    packages = [one for path, one in listed.items() if path] if isinstance(listed, dict) else []
    if not packages or not all(isinstance(one, dict) for one in packages):
        return False
    bins: dict[bool, set[str]] = {True: set(), False: set()}
    for one in packages:
        bins[bool(one.get("dev"))] |= set(one.get("bin") or ())
    return not any(one.get("extraneous") for one in packages) and not bins[True] & bins[False]
