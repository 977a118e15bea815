"""The app, as a deployment of HEAD would see it: each check a function of its files."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnout.builder import inputs, runtime, versions
from turnout.config import example as dotenv_example
from turnout.doctor import audit, processes, repository
from turnout.doctor.finding import APP, Finding, Place, many
from turnout.doctor.texts import sources
from turnout.errors import TurnoutError, UsageError

if TYPE_CHECKING:
    from turnout.config import Config, Environment

AT = Place(APP)
LOADERS = (
    "dotenv",
    "dotenv-flow",
    "dotenv-safe",
    "dotenv-expand",
    "@dotenvx/dotenvx",
    "@nestjs/config",
    "env-cmd",
)
"""Packages that read a .env into the process."""
LOADS = re.compile(r"--env-file|loadEnvFile")
"""Node's own ways, since 20.6 and 20.12."""
DRAINS = re.compile(
    r"SIGINT|enableShutdownHooks|close-with-grace|graceful-?shutdown|http-terminator|terminus|stoppable",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class App:
    """The app's folder in a clean tree, and the same folder where a person works (None in a bare repository)."""

    config: Config
    folder: Path
    working: Path | None = None
    package: dict[str, Any] = field(default_factory=dict)
    texts: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Is this file part of the revision?"""
        return (self.folder / name).is_file()

    def dependency(self, name: str) -> str | None:
        """The table of package.json that has the package: `dependencies`, `devDependencies`, None."""
        for table in ("dependencies", "optionalDependencies", "devDependencies"):
            if name in (self.package.get(table) or {}):
                return "devDependencies" if table == "devDependencies" else "dependencies"
        return None

    def absent(self, name: str) -> list[str]:
        """The remedy for a file that the revision lacks: often it is only not committed."""
        if self.working and (self.working / name).is_file():
            return [f"it is there, but not committed: git add {name} && git commit"]
        return []


@dataclass(frozen=True)
class Needs:
    """What hosts are asked about: the keys of .env.example, and the range and the best known version of Node."""

    release_keys: tuple[str, ...] = ()
    node: str = "*"


async def look(config: Config, environment: Environment) -> tuple[list[Finding], Needs]:
    """Lay HEAD out in a temporary folder and look at it."""
    found, home, revision = await repository.look(config, environment)
    if home is None or revision is None:
        return found, Needs(node=config.node or "*")
    with tempfile.TemporaryDirectory(prefix="turnout-doctor-") as scratch:
        try:
            tree = await home.checkout(revision, Path(scratch, "tree"), config.source)
            package = inputs.package_json(tree.source)
        except TurnoutError as error:
            return [*found, AT.failed("package.json", error)], Needs(node=config.node or "*")
        working = None if home.bare else home.root / config.source
        texts = await asyncio.to_thread(lambda: tuple(sources(tree.source)))
        app = App(config, tree.source, working, package, texts)
        found += [*files(app), *node(app, await runtime.own_version())]
        found += await processes.look(app.config, app.folder, working, app.absent)
        found += await audit.look(app.folder)
        return found, Needs(tuple(dotenv_example.keys(app.folder)), versions.wanted(config.node, package))


def files(app: App) -> list[Finding]:
    """Every check that needs nothing but the files."""
    checks = (lock, scripts, prisma, dotenv, example, health, drain)
    return [finding for check in checks for finding in check(app)]


def lock(app: App) -> list[Finding]:
    """`npm ci` installs what the lock file says, and refuses when package.json says something else."""
    wanted = [*app.config.build.install, *app.config.dependencies.commands]
    try:
        inputs.check_lock(wanted, app.folder)
    except TurnoutError as error:
        return [
            AT.problem("lock file", error.message, app.absent(inputs.LOCKS[0]) or error.remedy, error.why)
        ]
    name = next((name for name in inputs.LOCKS if app.has(name)), None)
    if name is None:
        return [AT.ok("lock file", "none; no command needs one")]
    try:
        read = json.loads((app.folder / name).read_bytes())
    except ValueError as error:
        return [
            AT.problem("lock file", f"{name} is not JSON", ["npm install --package-lock-only"], [str(error)])
        ]
    unlocked = out_of_step(app.package, read)
    if unlocked:
        return [
            AT.problem(
                "lock file",
                f"{name} and package.json are out of step: {', '.join(unlocked[:5])}",
                ["npm install --package-lock-only, then commit it"],
                ["`npm ci` refuses this"],
            )
        ]
    return [AT.ok("lock file", f"{name} fits package.json")]


def out_of_step(package: dict[str, Any], lock: dict[str, Any]) -> list[str]:
    """Packages of package.json that its lock file lacks, or asks for in another version; version 1 does not say."""
    root = (lock.get("packages") or {}).get("")
    if not isinstance(root, dict):
        return []
    found = set()
    for table in ("dependencies", "devDependencies", "optionalDependencies"):
        asked, kept = package.get(table) or {}, root.get(table) or {}
        found |= {name for name in {*asked, *kept} if asked.get(name) != kept.get(name)}
    return sorted(found)


def scripts(app: App) -> list[Finding]:
    """The npm scripts that the build commands name must exist."""
    named = [
        match[1]
        for line in app.config.build.commands
        if (match := re.match(r"npm run (?:-\S+ )*([\w:.-]+)", line))
    ]
    missing = [name for name in named if name not in (app.package.get("scripts") or {})]
    if missing:
        return [
            AT.problem(
                "build",
                f"package.json has no script {' or '.join(missing)}",
                [f'add it, such as "{missing[0]}": "tsc"', "or set `commands` in [build] of turnout.toml"],
            )
        ]
    return [AT.ok("build", " && ".join(app.config.build.commands) or "no commands")]


def node(app: App, own: str | None) -> list[Finding]:
    """Which Node it will be, and whether package.json agrees. `own` is this machine's."""
    spec = versions.wanted(app.config.node, app.package)
    if spec == "*":
        remedy = [f'node = "{(own or "22").partition(".")[0]}" in turnout.toml']
        return [
            AT.warn(
                "node",
                "nothing says which Node the app needs",
                remedy,
                ["a host's, or this machine's, is taken"],
            )
        ]
    try:
        choice = versions.resolve(spec, None, own, None, None)
        engines = versions.wanted(None, app.package)
        agrees = choice is None or versions.satisfies(choice.version, versions.parse(engines))
    except UsageError as error:
        return [AT.failed("node", error)]
    if choice and not agrees:
        remedy = ["correct `node` in turnout.toml, or `engines` in package.json"]
        return [
            AT.warn(
                "node", f"Node {choice.version} does not satisfy package.json's engines: {engines}", remedy
            )
        ]
    if choice:
        return [AT.ok("node", f"{choice.version} is here and satisfies {spec!r}")]
    return [AT.ok("node", f"{spec!r} is taken from a host or the registry: it is not what runs here")]


def prisma(app: App) -> list[Finding]:
    """Schema, client, command line and migrations belong together."""
    if not inputs.has_schema(app.folder):
        return [AT.ok("prisma", "not used")]
    if not app.dependency("prisma"):
        return [
            AT.problem(
                "prisma", "there is a Prisma schema, but prisma is no dependency", ["npm install prisma"]
            )
        ]
    if app.dependency("@prisma/client") == "devDependencies":
        remedy = ["npm install --save-prod @prisma/client"]
        return [AT.warn("prisma", "@prisma/client is only a devDependency: a host would lack it", remedy)]
    count = len(list(app.folder.glob("prisma/**/migrations/*/migration.sql")))
    if not count and app.config.migrate.commands:
        remedy = ["npx prisma migrate dev --name init, then commit prisma/migrations"]
        return [AT.warn("prisma", "there are no migrations: the database is left as it is", remedy)]
    return [AT.ok("prisma", f"a schema and {many(count, 'migration')}")]


def dotenv(app: App) -> list[Finding]:
    """The app itself must load its .env: no value of it passes through PM2 (DESIGN 5)."""
    if any(Path(app.folder, name).exists() for name in (".env", ".env.production", ".env.local")):
        remedy = ["git rm --cached .env, add it to .gitignore, and change the secrets in it"]
        return [AT.warn("dotenv", "a .env is committed: secrets belong on the host alone", remedy)]
    tables = {name: app.dependency(name) for name in LOADERS if app.dependency(name)}
    loader = next((name for name, table in tables.items() if table == "dependencies"), None)
    scripts = [json.dumps(app.package.get("scripts") or {})]
    config = app.folder / app.config.processes.config
    own = [config.read_text("utf-8", "replace")] if config.is_file() else []
    if loader or any(LOADS.search(text) for text in (*app.texts, *scripts, *own)):
        return [AT.ok("dotenv", f"loaded by {loader or 'Node itself'}")]
    if tables:
        name = next(iter(tables))
        remedy = [f"npm install --save-prod {name}"]
        return [AT.warn("dotenv", f"{name} is only a devDependency: a host would lack it", remedy)]
    return [
        AT.warn(
            "dotenv",
            "nothing in the app seems to load its .env",
            ["npm install dotenv, and `import 'dotenv/config'` first of all"],
            ["Turnout gives no value of it to PM2, which would keep it for ever"],
        )
    ]


def example(app: App) -> list[Finding]:
    """Without .env.example nobody can tell that a host's .env lacks a key."""
    if app.has(".env.example"):
        return [AT.ok(".env.example", many(len(dotenv_example.keys(app.folder)), "key"))]
    remedy = app.absent(".env.example") or ["list the keys that the app needs, without values, and commit it"]
    return [
        AT.warn(
            ".env.example",
            "there is no .env.example",
            remedy,
            ["a key that a host lacks shows only in the rehearsal"],
        )
    ]


def health(app: App) -> list[Finding]:
    """The health path should stand somewhere in the source; a prefix of it may come from elsewhere."""
    path = app.config.health.path.partition("?")[0]
    last = path.rstrip("/").rpartition("/")[2]
    if not last or any(re.search(rf"['\"`/]{re.escape(last)}(?![\w-])", text) for text in app.texts):
        return [AT.ok("health", path)]
    remedy = [f"let GET {path} answer 200 when all is well", "or set `path` in [health] of turnout.toml"]
    return [AT.warn("health", f"no source file seems to answer {path}", remedy)]


def drain(app: App) -> list[Finding]:
    """FACTS, Dropped requests: without a handler of SIGINT a reload in cluster mode cuts 80 to 130 of 7,700."""
    if app.config.processes.drain:  # Turnout's module does it for every app (docs/drain.md)
        return []
    if not app.texts or any(DRAINS.search(text) for text in (*app.texts, json.dumps(app.package))):
        return []
    return [
        AT.warn(
            "drain",
            "nothing in the app seems to handle SIGINT: a reload cuts open requests",
            ["leave `drain = true` in [processes] of turnout.toml: Turnout then drains for it"],
            ["PM2 sends it to a worker that is replaced"],
        )
    ]
