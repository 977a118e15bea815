"""Not a step: what a rollback does not bring back, said beforehand; and whether the older code can live with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnout.errors import GateRefused

if TYPE_CHECKING:
    from turnout.migrations.safety import Judgement
    from turnout.steps.work import Target, Work


async def look(work: Work, host: Target) -> None:
    """Tell what stays as it is and how to undo the rollback. Raises GateRefused when the older code would break."""
    from turnout.migrations.effects import dialect_of
    from turnout.migrations.safety import Migration, judge

    since = await host.client.call("since", release=host.release)
    later = [Migration(one["name"], one["sql"]) for one in since["migrations"]]
    host.later = [one.name for one in later]
    earlier = [one["sql"] for one in since["earlier"] if one["sql"]]
    judgement = judge(later, earlier, since["schema"], dialect_of(since["provider"]))
    refused = bool(judgement.broken) and not (work.rollback.force and work.rollback.reason)
    lines = [
        *_migrations(host, judgement),
        *_dotenv(work, host, since),
        *([] if refused else undo(work, host)),
    ]
    work.bus.emit(
        "rollback.foretold",
        host=host.name,
        step="survey",
        release=host.release,
        migrations=[
            {"name": one.name, "only_adds": one.only_adds, "what": str(one)} for one in judgement.migrations
        ],
        dotenv=since["dotenv"],
        shared_goes_back=_shared_goes_back(work, since),
        broken=judgement.broken,
        lines=lines,
    )
    if refused:
        raise _refusal(work, host, judgement.broken)
    if work.rollback.reason:
        host.because = {"reason": work.rollback.reason, "over": judgement.broken}
    work.notes += [f"forced: {one}" for one in judgement.broken]


def _migrations(host: Target, judgement: Judgement) -> list[str]:
    if not judgement.migrations:
        return [f"no migration went in since {host.release}"]
    return ["these migrations stay in:", *(f"  {one}" for one in judgement.migrations)]


def _dotenv(work: Work, host: Target, since: dict[str, Any]) -> list[str]:
    keys = ", ".join(since["dotenv"])
    if not keys:
        return [f"the dotenv is as it was for {host.release}"]
    if work.rollback.keep_env:
        return [f"the dotenv stays as it is today (--keep-env); changed since {host.release}: {keys}"]
    shared = "stays as it is"
    if _shared_goes_back(work, since):
        shared = "goes back too, since `turnout env` changed it"
    return [
        f"{host.release} runs with its own dotenv of then; other values than today: {keys}",
        f"  shared/.env, which the next deployment takes, {shared}",
        "  --keep-env keeps today's",
    ]


def _shared_goes_back(work: Work, since: dict[str, Any]) -> bool:
    return bool(since["shared_goes_back"]) and not work.rollback.keep_env


def undo(work: Work, host: Target) -> list[str]:
    """What to type to undo the rollback; nothing where nothing ran before."""
    if not host.running:
        return []
    return [f"to undo this rollback: turnout rollback {work.environment.name} {host.running}"]


def _refusal(work: Work, host: Target, broken: list[str]) -> GateRefused:
    again = f"turnout rollback {work.environment.name} {host.release}"
    return GateRefused(
        f"{host.release} cannot work with the database as it is now",
        why=broken,
        remedy=[
            "correct the code and deploy that, or bring back what is gone with a new migration",
            "or restore the database from a backup of then",
            f'or go back all the same: {again} --force --reason "…"',
        ],
    )
