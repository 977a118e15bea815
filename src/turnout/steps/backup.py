"""backup: the user's own database backup, if one is set."""

from __future__ import annotations

from turnout.steps.work import Done, Target, Work


async def backup(work: Work, host: Target) -> Done:
    """Run `database_backup` on one host, as written, before anything is migrated."""
    command = work.environment.database_backup
    if command is None:
        return Done("no database_backup is set", "skipped")
    answer = await host.client.call(
        "backup", on_event=work.listen("backup", host), release=host.release, command=command
    )
    return Done(f"{answer['seconds']:.1f} s")
