"""The steps of a restore: check the backup, keep what is there now (`backup.py`), then overwrite it."""

from __future__ import annotations

from typing import Any

from turnout import text
from turnout.errors import TurnoutError
from turnout.steps.backup import running
from turnout.steps.work import Done, Target, Work


async def check(name: str, work: Work, host: Target) -> Done:
    """Read the whole backup on the host and compare it with what its journal says."""
    running(host)
    work.about = [f"the database, to that of {name}"]
    record = (await host.client.call("check_backup", name=name))["backup"]
    for migration in lacking(host, record):
        work.notes.append(
            f"{host.name}: {name} is older than migration {migration}, which {host.running} has"
        )
    return Done(f"{name}: {text.size(record['size'])}, whole; of {record.get('release') or 'no release'}")


async def restore(name: str, work: Work, host: Target) -> Done:
    """Give the backup to the user's own `database_restore`, on its standard input."""
    try:
        answer = await host.client.call(
            "restore",
            on_event=work.listen("restore", host),
            release=running(host),
            name=name,
            command=work.environment.database_restore,
            by=work.by,
        )
    except TurnoutError as error:
        error.state = f"{host.running} serves on; the database may be as before, half restored, or restored"
        kept = [note.split(" is kept as ")[1].split(",")[0] for note in work.notes if " is kept as " in note]
        error.remedy = [
            f"turnout restore {work.environment.name} {one}    brings back what was there" for one in kept
        ]
        error.remedy += ["mend the cause, then the same command again"]
        raise
    work.notes.append(_advice(host, name))
    return Done(f"{answer['seconds']:.1f} s")


def lacking(host: Target, backup: dict[str, Any]) -> list[str]:
    """Migrations of the running release that the release of the backup did not have."""
    then = host.record(backup.get("release")).get("migrations") or {}
    now = host.record(host.running).get("migrations") or {}
    return sorted(set(now) - set(then)) if then else []


def _advice(host: Target, name: str) -> str:
    return (
        f"{host.name}: the database is as in {name}; if {host.running} wants newer migrations, "
        "`turnout deploy` brings them in again, or `turnout rollback` leads to the code of that time"
    )
