"""The first steps of a change of the dotenv: the same code once more, with another `.env`. The rest is a deployment's.

The new values go to the new release only; the host's `shared/.env` follows when that release is blessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.errors import Unhealthy, UsageError
from turnout.steps import backup as backups
from turnout.steps import migrate as migrations
from turnout.steps import rehearse as rehearsal
from turnout.steps.connect import connect
from turnout.steps.survey import refuse
from turnout.steps.work import Done, NothingToDo, Target, Work

if TYPE_CHECKING:
    from turnout.model import Change


async def begin(change: Change, work: Work) -> None:
    """Reach the hosts and take their leases; `change` is what this work is about."""
    work.change = change
    await connect(work, "survey")


async def survey(work: Work, host: Target) -> Done:
    """What would change, by name; refuses what the app could not run with, before anything is made."""
    change = _wanted(work)
    if host.running is None:
        return await _first(change, work, host)
    answer = await host.client.call(
        "survey",
        shared=list(work.config.release.shared),
        **work.settings,
        port_env=work.config.health.port_env,
    )
    refuse(host, answer["findings"])
    tried = await host.client.call("try_dotenv", **change.args())
    change.database = change.database or tried["database"]
    work.about = [f".env: {', '.join(tried['keys']) or 'no value'}"]
    if tried["same"]:
        change.same.add(host.name)
        if len(change.same) == len(work.targets):
            raise NothingToDo("unchanged", f"{host.running} has exactly this .env", host.running)
    if tried["waiting"]:
        work.notes.append(
            f"{host.name}: edited by hand before, and now deployed too: {', '.join(tried['waiting'])}"
        )
    return Done(f"changes {', '.join(tried['keys']) or 'no value'}")


async def _first(change: Change, work: Work, host: Target) -> Done:
    if any(target.running for target in work.targets):
        raise UsageError(
            f"nothing runs on {host.name} yet, but elsewhere", remedy="deploy first: turnout deploy"
        )
    answer = await host.client.call("keep_dotenv", **change.args())
    change.same.add(host.name)
    work.notes.append(f"{host.name}: shared/.env is written: {', '.join(answer['keys']) or 'as it was'}")
    if len(change.same) == len(work.targets):
        raise NothingToDo("succeeded", "nothing runs there yet: the first deployment takes it")
    return Done("written to shared/.env")


async def dotenv(work: Work, host: Target) -> Done:
    """Give it the changed dotenv."""
    change = _wanted(work)
    work.note("the values go to this release only; shared/.env follows when it is blessed", "dotenv", host)
    answer = await host.client.call("change_dotenv", release=host.release, **change.args())
    return Done(f"{len(answer['keys'])} keys, changed: {', '.join(answer['changed']) or 'no value'}")


async def backup(work: Work, host: Target) -> Done:
    """As in a deployment, where the app moves to another database."""
    if not _wanted(work).database:
        return Done("the database is the same", "skipped")
    return await backups.backup(work, host)


async def migrate(work: Work, host: Target) -> Done:
    """As in a deployment, where the app moves to another database: it may lack migrations."""
    if not _wanted(work).database:
        return Done("the database is the same", "skipped")
    return await migrations.run(work, host)


async def rehearse(work: Work, host: Target) -> Done:
    """As in a deployment; a failure says what became of the dotenv."""
    try:
        return await rehearsal.rehearse(work, host)
    except Unhealthy as error:
        error.remedy = error.remedy or ["the .env is as it was: mend the value, then the same command again"]
        raise


def _wanted(work: Work) -> Change:
    assert work.change
    return work.change
