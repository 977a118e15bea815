"""Asks every host for a look each few seconds, all at once; one that is slow or gone does not hold up the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from turnout.errors import TurnoutError
from turnout.runner import connect

if TYPE_CHECKING:
    from turnout.config.schema import Config, Environment
    from turnout.config.surroundings import Reach
    from turnout.hosts.client import HostClient
    from turnout.model import Address

AGAIN = 2.0
"""Seconds before a lost host is tried again."""

Tell = Callable[[str, "dict[str, Any] | TurnoutError"], None]
"""Gets a host's name, and what it answered or why it did not."""


async def watch(
    config: Config,
    environment: Environment,
    reach: Reach,
    call: str,
    interval: float,
    count: int | None,
    tell: Tell,
) -> None:
    """Make `call` on every host `count` times (None: until cancelled), `interval` seconds apart."""
    settings = config.settings(environment)

    async def open_(address: Address) -> HostClient:
        return await connect(environment, reach, address)

    await asyncio.gather(
        *(_host(address, open_, call, settings, interval, count, tell) for address in reach.hosts)
    )


async def _host(
    address: Address,
    open_: Callable[[Address], Any],
    call: str,
    settings: dict[str, Any],
    interval: float,
    count: int | None,
    tell: Tell,
) -> None:
    client: HostClient | None = None
    clock, made = asyncio.get_running_loop().time, 0
    try:
        while count is None or made < count:
            began = clock()
            try:
                client = client or await open_(address)
                began = clock()
                tell(str(address), await client.call(call, **settings))
            except TurnoutError as error:
                error.host = str(address)
                tell(str(address), error)
                gone, client = client, None
                if gone:
                    await gone.close()
                began = max(began, clock() + AGAIN - interval)
            made += 1
            if count is None or made < count:
                await asyncio.sleep(max(0.0, began + interval - clock()))
    finally:
        if client:
            await client.close()
