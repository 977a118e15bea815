"""migrate: `prisma migrate deploy`, never twice, never on two hosts."""

from __future__ import annotations

from turnout.errors import MigrationFailed
from turnout.steps import database
from turnout.steps.work import Done, Target, Work


async def migrate(work: Work, host: Target) -> Done:
    """Bring the database to the release's migrations; skipped when the journal proves that all are in."""
    if not _has_migrations(work):
        return Done("the app has no migrations", "skipped")
    if not host.pending:
        return Done(f"no migration is new since {host.running}", "skipped")
    return await run(work, host)


async def run(work: Work, host: Target) -> Done:
    """The part that the host does."""
    commands = list(work.config.migrate.commands)
    if not commands:
        return Done("the app has no migrations", "skipped")
    try:
        answer = await host.client.call(
            "migrate",
            on_event=work.listen("migrate", host),
            release=host.release,
            commands=commands,
            keys=database.keys(work.source),
            because=host.allowed,
        )
    except MigrationFailed as error:
        error.state = error.state or f"{host.running or 'nothing'} serves, as before"
        _stay(work, [str(name) for name in error.detail.get("applied") or []])
        raise
    if not answer["ran"]:
        return Done(f"no migration is new since {host.running}", "skipped")
    if not answer["applied"]:
        return Done("the database has them all")
    _stay(work, answer["applied"])
    return Done(", ".join(answer["applied"]))


def _stay(work: Work, applied: list[str]) -> None:
    """These are in the database now, however the deployment ends."""
    if applied:
        work.migrated = list(applied)
        work.notes.append(f"migrations applied: {', '.join(applied)}")


def _has_migrations(work: Work) -> bool:
    return any(entry.path.startswith("prisma/migrations/") for entry in work.artifact.manifest.entries)
