"""Looks everywhere at once, and tells in a fixed order: this machine, the app, each host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from turnout import config
from turnout.builder.cache import Cache
from turnout.doctor import host, machine, notify, project
from turnout.doctor.finding import APP, MACHINE, Finding, Place
from turnout.doctor.project import Needs
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.config import Config, Environment, Reach
    from turnout.model import Address

AT = Place(APP)
Begin = Callable[[str], None]
"""Takes the title of the part that comes next."""
Found = Callable[[list[Finding]], None]
"""Takes the findings of that part."""
App = tuple[list[Finding], Needs]


@dataclass(frozen=True)
class Asked:
    """What a person typed, and what surrounds it; `file` is that of `-c FILE`."""

    environment: str | None
    file: Path | None
    cwd: Path
    variables: Mapping[str, str]


@dataclass
class Read:
    """What turnout.toml and the variables say, as far as they can be read; the findings say how far."""

    findings: list[Finding] = field(default_factory=list)
    config: Config | None = None
    environment: Environment | None = None
    reach: Reach | None = None

    @property
    def title(self) -> str:
        """App and environment, as `status` names them."""
        if self.config is None:
            return APP
        return f"{self.config.app} · {self.environment.name}" if self.environment else self.config.app


async def examine(asked: Asked, begin: Begin, found: Found) -> list[Finding]:
    """Every finding; `begin` and `found` learn of each part in turn. What fails is a finding, and is not raised."""
    read, told = _read(asked), list[Finding]()
    async with asyncio.TaskGroup() as group:
        here = group.create_task(machine.look(read.reach, Cache()))
        app = group.create_task(_app(read))
        parts = [(MACHINE, here), (read.title, group.create_task(_first(app)))]
        addresses = read.reach.hosts if read.reach else ()
        parts += [(str(address), group.create_task(_host(read, address, app))) for address in addresses]
        for title, task in parts:
            begin(title)
            findings = await task
            found(findings)
            told += findings
    return told


def _read(asked: Asked) -> Read:
    read = Read()
    try:
        read.config = config.load(asked.file, asked.cwd)
        read.environment = read.config.environment(asked.environment)
        read.findings.append(
            AT.ok(read.config.file.name, f"valid; environments: {', '.join(read.config.environments)}")
        )
        read.reach = config.reach(read.environment, asked.variables)
    except UsageError as error:
        read.findings.append(AT.failed("hosts" if read.environment else "turnout.toml", error))
    return read


async def _app(read: Read) -> App:
    if read.config is None or read.environment is None:
        return read.findings, Needs()
    findings, needs = await project.look(read.config, read.environment)
    told = await notify.look(read.config, read.environment)
    return [*read.findings, *findings, *told], needs


async def _first(app: asyncio.Task[App]) -> list[Finding]:
    return (await app)[0]


async def _host(read: Read, address: Address, app: asyncio.Task[App]) -> list[Finding]:
    """What is asked of a host depends on the app."""
    assert read.config
    assert read.environment
    assert read.reach
    _, needs = await app
    return await host.look(host.Goal(read.config, read.environment, read.reach), address, needs)
