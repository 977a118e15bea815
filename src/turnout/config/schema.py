"""What may stand in turnout.toml, with every default (DESIGN 7). Durations are seconds here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, Strict

from turnout.config import border, duration, when
from turnout.errors import UsageError
from turnout.model import Address, Secret

Item = TypeVar("Item")


def _unique(items: tuple[Item, ...]) -> tuple[Item, ...]:
    twice = next((item for position, item in enumerate(items) if item in items[:position]), None)
    if twice is not None:
        raise ValueError(f"{str(twice)!r} stands here twice")
    return items


def _some(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if not items:
        raise ValueError("must not be empty")
    return items


def _any(tables: dict[str, Item]) -> dict[str, Item]:
    if not tables:
        raise ValueError("has no environment: add [environments.production]")
    return tables


Name = Annotated[str, AfterValidator(border.name)]
Host = Annotated[Address, PlainValidator(border.host)]
Commands = tuple[Annotated[str, AfterValidator(border.command)], ...]
Patterns = tuple[Annotated[str, AfterValidator(border.pattern)], ...]
Seconds = Annotated[float, BeforeValidator(duration.positive)]
SecondsOrNone = Annotated[float, BeforeValidator(duration.seconds)]
"""May be zero."""
Age = Annotated[float, BeforeValidator(duration.age)]
Count = Annotated[int, Strict(), Field(ge=1, le=1000)]
Port = Annotated[int, Strict(), Field(ge=1, le=65535)]
Switch = Annotated[bool, Strict()]
Windows = tuple[Annotated[when.Window, PlainValidator(when.window)], ...]
Freezes = tuple[Annotated[when.Freeze, PlainValidator(when.freeze)], ...]
Days = tuple[Annotated[when.Day, PlainValidator(when.day)], ...]


class Table(BaseModel):
    """A table of turnout.toml: unknown keys are refused, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)


class Notify(Table):
    """`[[notify]]`: whom to tell of what (docs/notify.md)."""

    url: Annotated[Secret, PlainValidator(border.notify_url)]
    events: Annotated[
        tuple[Literal["success", "failure", "reverted", "waiting", "recovered"], ...], AfterValidator(_some)
    ] = ("success", "failure", "reverted", "waiting", "recovered")


class Environment(Table):
    """`[environments.NAME]`: where the app goes, and by which rules. `name` is NAME."""

    name: Name
    hosts: Annotated[tuple[Host, ...], AfterValidator(_unique)] = ()
    path: Annotated[str, AfterValidator(border.folder_on_host)]
    branches: Annotated[
        tuple[Annotated[str, AfterValidator(border.branch)], ...],
        AfterValidator(_some),
        AfterValidator(_unique),
    ] = ("main", "production")
    url: Annotated[str, AfterValidator(border.url)] | None = None
    process_env: Annotated[str, AfterValidator(border.process_env)] = "production"
    database_backup: Annotated[str, AfterValidator(border.command)] | None = None
    checks: Commands = ()
    github_checks: Annotated[
        tuple[Annotated[str, AfterValidator(border.check)], ...], AfterValidator(_unique)
    ] = ()
    windows: Windows = ()
    freezes: Freezes = ()
    holidays: Days = ()
    time_zone: Annotated[str, BeforeValidator(when.zone)] = "UTC"
    requires: Name | None = None
    soak: Annotated[float, BeforeValidator(when.soak)] = 0.0
    database_restore: Annotated[str, AfterValidator(border.command)] | None = None
    notify: tuple[Notify, ...] = ()


class Build(Table):
    """`[build]`: how an artifact is made from a clean tree."""

    install: Commands = ("npm ci", "npx --no-install prisma generate")
    commands: Commands = ("npm run build",)
    env: tuple[Annotated[str, AfterValidator(border.variable)], ...] = ()


class Package(Table):
    """`[package]`: what of the built tree is sent; the spec's list, and Prisma's own file where there is one."""

    include: Annotated[tuple[Annotated[str, AfterValidator(border.sent)], ...], AfterValidator(_some)] = (
        "dist",
        "prisma",
        "package.json",
        "package-lock.json",
        "tsconfig.json",
        "ecosystem.config.js",
        ".env.example",
        "prisma.config.*",
    )


class Dependencies(Table):
    """`[dependencies]`: the layer of production dependencies, made once per key."""

    commands: Commands = ("npm ci --omit=dev", "npx --no-install prisma generate")
    inputs: Patterns = ("package.json", "package-lock.json", "prisma/schema.prisma", "prisma.config.*")
    where: Literal["auto", "ship", "host"] = "auto"


class Migrate(Table):
    """`[migrate]`: run once a deployment, on one host."""

    commands: Commands = ("npx --no-install prisma migrate deploy",)


class Processes(Table):
    """`[processes]`: what runs the app. `drain`: workers in cluster mode load a module that drains (docs/drain.md).

    `drain_timeout` is how long a worker may take to end, in seconds.
    """

    manager: Literal["pm2"] = "pm2"
    config: Annotated[str, AfterValidator(border.process_file)] = "ecosystem.config.js"
    drain: Switch = True
    drain_timeout: Seconds = 10.0


class Health(Table):
    """`[health]`: what counts as well. Times in seconds."""

    path: Annotated[str, AfterValidator(border.url_path)] = "/health"
    port: Port | None = None
    port_env: Annotated[str, AfterValidator(border.variable)] = "PORT"
    rehearse: Switch = True
    start_period: Seconds = 60.0
    interval: Seconds = 0.1
    timeout: Seconds = 5.0
    passes: Count = 3
    retries: Count = 5
    bake: SecondsOrNone = 10.0


class Release(Table):
    """`[release]`: how many are kept, and what they share."""

    keep: Count = 5
    shared: Annotated[tuple[Annotated[str, AfterValidator(border.shared)], ...], AfterValidator(_unique)] = (
        "logs",
    )
    adopt_ignore: Patterns = ()


class Backup(Table):
    """`[backup]`: how long backups of the database are kept. `max_age` in seconds; None is for ever."""

    keep: Count = 5
    max_age: Age | None = None


class Logs(Table):
    """`[logs]`: a log over `max_size` bytes is turned when the processes are reloaded; `keep` older ones stay."""

    max_size: Annotated[int, BeforeValidator(border.bytes_of)] = 50_000_000
    keep: Annotated[int, Strict(), Field(ge=1, le=100)] = 5


class Config(Table):
    """A whole turnout.toml. `file` is where it was read from; without `node`, package.json's `engines` counts."""

    app: Name
    source: Annotated[str, AfterValidator(border.source)] = "."
    node: Annotated[str, AfterValidator(border.node)] | None = None
    toolchain: Literal["shipped", "host"] = "shipped"
    environments: Annotated[dict[Name, Environment], AfterValidator(_any)]
    build: Build = Build()
    package: Package = Package()
    dependencies: Dependencies = Dependencies()
    migrate: Migrate = Migrate()
    processes: Processes = Processes()
    health: Health = Health()
    release: Release = Release()
    backup: Backup = Backup()
    logs: Logs = Logs()
    notify: tuple[Notify, ...] = ()
    file: Path = Path("turnout.toml")

    def settings(self, environment: Environment) -> dict[str, Any]:
        """`processes` and `health` of docs/protocol.md: how a host runs the app and what counts as well there."""
        processes = {
            "app": self.app,
            "config": self.processes.config,
            "process_env": environment.process_env,
            "drain": self.processes.drain,
            "drain_timeout": self.processes.drain_timeout,
            "logs": self.logs.model_dump(),
        }
        return {"processes": processes, "health": self.health.model_dump()}

    def environment(self, name: str | None) -> Environment:
        """The environment of this name, or the only one; UsageError with their names otherwise."""
        known = ", ".join(self.environments)
        if name is None and len(self.environments) == 1:
            return next(iter(self.environments.values()))
        if name is None:
            raise UsageError(
                f"which environment? {self.file.name} has {known}",
                where="the argument ENVIRONMENT",
                remedy=[f"name it as the first argument, for example {next(iter(self.environments))!r}"],
            )
        if name not in self.environments:
            raise UsageError(
                f"there is no environment {name!r}",
                where=self.file.name,
                why=f"it has {known}",
                remedy="name one of these, or add it to the file",
            )
        return self.environments[name]


OURS = {(): ("file",), ("environments", "*"): ("name",)}
"""Fields that are not keys of the file, by table."""
