"""Can everybody be told who is named in `[[notify]]`? Nothing is sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from turnout.doctor.finding import APP, Finding, Place
from turnout.notifiers.base import NotDelivered
from turnout.notifiers.channel import opened, resolved

if TYPE_CHECKING:
    from turnout.config import Config, Environment
    from turnout.model import Secret

AT = Place(APP)


async def look(
    config: Config, environment: Environment, variables: Mapping[str, str] | None = None
) -> list[Finding]:
    """One finding for all targets that are understood, a warning for each other one."""
    known, found = os.environ if variables is None else variables, list[Finding]()
    names = []
    for number, target in enumerate((*config.notify, *environment.notify), 1):
        try:
            names.append(await asyncio.to_thread(_service, target.url, known))
        except NotDelivered as error:
            remedy = [
                "docs/notify.md says what a url looks like",
                "or set the variable here, if only the CI has it",
            ]
            found.append(AT.warn("notify", f"[[notify]] {number} cannot be told: {error}", remedy))
    return [*([AT.ok("notify", ", ".join(names))] if names else []), *found]


def _service(url: Secret, variables: Mapping[str, str]) -> str:
    return str(opened(resolved(url, variables))[0].service_name)
