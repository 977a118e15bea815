"""What the steps hand on to one another: the work under way, and each host as the work sees it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from turnout.builder.build import Built, Toolchain
from turnout.model import Address, DeployOptions, Revision, RollbackOptions
from turnout.steps.person import person

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AsyncExitStack
    from pathlib import Path

    from turnout.artifact.tree import Tree
    from turnout.builder.cache import Cache
    from turnout.config.schema import Config, Environment
    from turnout.config.surroundings import Reach
    from turnout.critical import Span
    from turnout.errors import Result
    from turnout.events import Bus
    from turnout.hosts.client import HostClient, Spent
    from turnout.model import Change
    from turnout.notifiers.base import Notifier
    from turnout.source.checkout import Checkout
    from turnout.source.git import Repository
    from turnout.steps.send import Sent


class NothingToDo(Exception):
    """The work ends here, well: `unchanged` (it serves already) or `skipped` (the gate said so)."""

    def __init__(self, result: Result, reason: str, release: str | None = None) -> None:
        super().__init__(reason)
        self.result, self.reason, self.release = result, reason, release


@dataclass(frozen=True)
class Done:
    """How a step ended well: a short text for people, and `done`, `reused` or `skipped`."""

    detail: str = ""
    status: str = "done"


@dataclass
class Target:
    """One host, as the work sees it."""

    address: Address
    client: HostClient
    facts: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    dotenv: dict[str, Any] = field(default_factory=dict)
    release: str = ""
    layers: dict[str, str | None] = field(default_factory=dict)
    """Keys of the layers that its release runs on: `node`, `pm2`, `dependencies`; None means the host's own."""
    pm2: str = ""
    """The version of PM2 that is to run there."""
    boot_seconds: float = 0.0
    switch: dict[str, Any] = field(default_factory=dict)
    ended: dict[str, Any] | None = None
    later: list[str] = field(default_factory=list)
    """Migrations that went in since the release that is gone back to."""
    because: dict[str, Any] | None = None
    """The reason that a person gave, and what it goes over that would have been refused; for the journal."""
    drifted: bool = False
    """Files of the running release were changed by hand; with `--accept-drift` they are left behind."""
    recovered: dict[str, Any] | None = None
    """The switch that was left open here, and how it was ended when our lease was taken."""
    swept: list[str] = field(default_factory=list)
    """What else a dead run left, and what was done with it."""
    pending: bool = True
    """The journal there does not prove that all migrations of the release are in."""
    allowed: dict[str, Any] | None = None
    """Migrations that break what runs and are applied all the same, and how that was allowed; for the journal."""
    surveyed: bool = False
    """The survey let it pass."""
    laid: set[str] = field(default_factory=set)
    """Layers that were sent and laid out since `state` was read."""
    ahead: asyncio.Task[Sent] | None = None
    """Sends layers while the build runs (steps/ahead.py)."""
    awaited: bool = False
    """The upload waits for it: its progress is told."""
    lost_bytes: int = 0
    """Bytes that went over links that were lost."""
    lost_calls: list[Spent] = field(default_factory=list)
    """Calls over links that were lost."""

    @property
    def name(self) -> str:
        """How people see it: `user@host`."""
        return str(self.address)

    @property
    def running(self) -> str | None:
        """The release that `current` led to when the work began."""
        found = self.state.get("running")
        return str(found) if found else None

    @property
    def serves(self) -> str:
        """What serves there, for people."""
        folder = self.state.get("current_kind") == "folder"
        return self.running or ("what a real folder `current` holds" if folder else "nothing")

    @property
    def platform(self) -> str:
        """`linux-x64-glibc` and the like."""
        return str(self.facts["platform"])

    @property
    def spent(self) -> list[Spent]:
        """All calls to the host that have ended."""
        return [*self.lost_calls, *self.client.spent]

    def toolchain(self) -> dict[str, Any]:
        """`toolchain` of docs/protocol.md."""
        return {role: self.layers.get(role) for role in ("node", "pm2")}

    def lacks(self, key: str | None) -> bool:
        """Must this layer still be made there?"""
        return key is not None and key not in self.state["layers"] and key not in self.laid

    def record(self, release: str | None) -> dict[str, Any]:
        """What the host's journal knows of a release."""
        return next((one for one in self.state.get("releases", []) if one["release"] == release), {})


@dataclass
class Origin:
    """Where a promoted artifact comes from: an environment, its host that gives, and what the journal there says."""

    environment: str
    address: Address
    client: HostClient
    state: dict[str, Any]
    facts: dict[str, Any]
    artifact: Tree | None = None

    @property
    def record(self) -> dict[str, Any]:
        """Of the release that serves there."""
        serving = self.state["serving"]
        return next((one for one in self.state["releases"] if one["release"] == serving), {})

    @property
    def title(self) -> str:
        """`staging v7`."""
        return f"{self.environment} {self.record.get('release')}"


@dataclass
class Work:
    """One deployment under way. Steps read what earlier ones set; the runner opens and closes it."""

    config: Config
    environment: Environment
    reach: Reach
    bus: Bus
    cache: Cache
    open: Callable[[Address], Any]
    """Connects to a host; the one seam that tests replace."""
    stack: AsyncExitStack
    command: str = "deploy"
    """The plan's name."""
    deploy: DeployOptions = field(default_factory=DeployOptions)
    rollback: RollbackOptions = field(default_factory=RollbackOptions)
    by: str = field(default_factory=person)
    targets: list[Target] = field(default_factory=list)
    repository: Repository | None = None
    revision: Revision | None = None
    checkout: Checkout | None = None
    runs: Toolchain = field(default_factory=lambda: Toolchain(""))
    """The Node of build and hosts, and where the build finds it."""
    layers: dict[str, Tree] = field(default_factory=dict)
    """Layers that can be shipped, by key."""
    making: dict[str, asyncio.Task[Tree]] = field(default_factory=dict)
    """Layers of dependencies that are made, or were, by key."""
    installed: asyncio.Event = field(default_factory=asyncio.Event)
    """The build has installed what it needs, or needs nothing."""
    modules: Path | None = None
    """What it just installed, if the production layer can be made of it."""
    built: Built | None = None
    inputs: str = ""
    """The digest of all that decides what the artifact will be; hosts keep it with each release."""
    promised: str | None = None
    """The artifact that the required environment blessed for these inputs: ours must be the same."""
    origin: Origin | None = None
    """Where the artifact comes from, when it is promoted."""
    change: Change | None = None
    """What a person wants of the dotenv, when that is what changes."""
    bring: Callable[[set[str]], Awaitable[None]] | None = None
    """Gets contents, by blob name, that are not on this machine: the build was skipped, or another host has them."""
    migrated: list[str] = field(default_factory=list)
    """Migrations that this deployment applied; they stay in, however it ends."""
    about: list[str] = field(default_factory=list)
    """What it changes where that is no commits: keys of the dotenv, the database. People are told of it."""
    notes: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    """The steps that have ended."""
    notifiers: list[Notifier] = field(default_factory=list)
    telling: list[asyncio.Task[list[str]]] = field(default_factory=list)
    """Messages to people that are under way; each gives a sentence for every notifier that could not be told."""
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self.began

    @property
    def artifact(self) -> Tree:
        """What the build gave; steps before it must not ask."""
        assert self.built is not None
        return self.built.artifact

    @property
    def source(self) -> Path:
        """The app's folder in the clean tree."""
        assert self.checkout is not None
        return self.checkout.source

    @property
    def id(self) -> str:
        """The deployment's name in journal and events."""
        return self.bus.deployment

    @property
    def typed(self) -> str:
        """The command, to be typed again."""
        words = [self.command, *([self.origin.environment] if self.origin else []), self.environment.name]
        return f"turnout {' '.join(words)}"

    @property
    def settings(self) -> dict[str, Any]:
        """`processes` and `health` of docs/protocol.md, for a call."""
        return self.config.settings(self.environment)

    def note(self, text: str, step: str, host: Target | None = None) -> None:
        """Tell people something while a step runs."""
        self.bus.emit("step.note", step=step, host=host.name if host else None, message=text)

    def output(self, step: str, host: Target | None = None) -> Callable[[str], None]:
        """A listener for the lines of a command."""
        return lambda line: self.bus.emit(
            "step.output", step=step, host=host.name if host else None, line=line
        )

    def listen(self, step: str, host: Target) -> Callable[[dict[str, Any]], None]:
        """A listener for the host program's events: notes and output reach people, the rest is for the step."""

        def hear(event: dict[str, Any]) -> None:
            if event.get("kind") == "output":
                self.output(step, host)(str(event.get("line")))
            elif event.get("kind") == "note":
                self.note(str(event.get("text")), step, host)

        return hear

    def bytes_sent(self) -> int:
        """All bytes that went to the hosts so far."""
        return sum(target.client.bytes_sent + target.lost_bytes for target in self.targets)
