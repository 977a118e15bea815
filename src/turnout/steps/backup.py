"""backup: the user's own database backup, if one is set; kept on the host, compressed and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnout import text
from turnout.errors import UsageError
from turnout.steps.work import Done, Target, Work

if TYPE_CHECKING:
    from turnout.config.schema import Config


async def backup(work: Work, host: Target) -> Done:
    """Keep the database as it is before anything is migrated; nothing where no migration is new."""
    if work.environment.database_backup is None:
        return Done("no database_backup is set", "skipped")
    made = await _keep(work, host, host.release, "migration")
    if made is None:
        return Done("no migration is new", "skipped")
    return Done(_told(made))


async def by_hand(name: str | None, work: Work, host: Target) -> Done:
    """`turnout backup`: keep the database as it is now, and pin the release that runs with it."""
    made = await _keep(work, host, running(host), "by hand", name=name, pin=True)
    assert made is not None
    if made["named"]:
        for other in work.targets[1:]:
            await other.client.call("pin", release=running(other), by=work.by)
    work.notes.append(f"{host.name}: backup {made['name']}, {_sizes(made)}; {made['release']} is pinned")
    return Done(_told(made))


async def before_restore(wanted: bool, work: Work, host: Target) -> Done:
    """The state that a restore will overwrite."""
    if not wanted:
        return Done("--no-backup: the present state is not kept", "skipped")
    made = await _keep(work, host, running(host), "restore")
    assert made is not None
    work.notes.append(f"{host.name}: what was there before is kept as {made['name']}, {_sizes(made)}")
    return Done(_told(made))


def running(host: Target) -> str:
    """The release that runs; UsageError where nothing does."""
    if host.running is None:
        raise UsageError(
            f"nothing runs on {host.name}",
            why="its release's dotenv says which database is meant",
            remedy=["turnout status", "turnout deploy"],
        )
    return host.running


def retention(config: Config) -> dict[str, Any]:
    """`[backup]`, for a call."""
    return {"keep": config.backup.keep, "max_age": config.backup.max_age}


async def _keep(
    work: Work, host: Target, release: str, why: str, name: str | None = None, pin: bool = False
) -> dict[str, Any] | None:
    answer = await host.client.call(
        "backup",
        on_event=work.listen("backup", host),
        release=release,
        command=work.environment.database_backup,
        name=name,
        why=why,
        by=work.by,
        pin=pin,
        retention=retention(work.config),
    )
    if answer["removed"]:
        work.note(f"had their time: {', '.join(answer['removed'])}", "backup", host)
    return dict(answer["made"]) if answer["made"] else None


def _told(made: dict[str, Any]) -> str:
    return f"{made['name']}: {_sizes(made)}, read back and found whole"


def _sizes(made: dict[str, Any]) -> str:
    return f"{text.size(made['size'])} as {text.size(made['packed'])}"
