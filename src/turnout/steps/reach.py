"""Not a step: reaches one host of an environment, its own or the one that `requires` or `promote` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.errors import HostKeyError
from turnout.hosts import transport
from turnout.hosts.client import HostClient

if TYPE_CHECKING:
    from turnout.config.schema import Environment
    from turnout.config.surroundings import Reach
    from turnout.model import Address


async def connect(environment: Environment, reach: Reach, address: Address) -> HostClient:
    """Open a host program there. An unknown key is answered with the command for this very environment."""
    try:
        return await HostClient.open(transport(address, reach.key, reach.known_hosts), environment.path)
    except HostKeyError as error:
        trust = "turnout host trust "
        error.remedy = [line.replace(f"{trust}ENV", trust + environment.name) for line in error.remedy]
        raise
