"""Runs an environment's `checks` in a clean checkout that has its dependencies, and nothing that a build made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from turnout.builder import build, commands, inputs, install

if TYPE_CHECKING:
    from turnout.builder.build import Toolchain
    from turnout.builder.cache import Cache
    from turnout.config.schema import Config
    from turnout.source.checkout import Checkout


async def run(
    cache: Cache,
    checkout: Checkout,
    config: Config,
    toolchain: Toolchain,
    wanted: Sequence[str],
    on_line: commands.Say | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run the commands as written, one after another. Raises BuildError for the first that fails.

    node_modules is a copy: test runners keep things in it, and the cache's own must stay what npm made.
    """
    env = os.environ if env is None else env
    installs = inputs.effective(config.build.install, checkout.source)
    dirs = [checkout.source / "node_modules/.bin", *toolchain.dirs]
    surroundings = commands.environment(dirs, config.build.env, env, checkout.source)
    around = install.Surroundings(checkout.source, surroundings, on_line)
    if installs:
        name = build.install_key(installs, checkout, config, toolchain, env)
        await install.provide(cache, name, installs, around, copy=True)
    for command in wanted:
        await commands.run(command, around.source, around.env, on_line)
