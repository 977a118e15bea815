"""The first steps of a rollback: which release to go back to, and a rehearsal where its surroundings changed since."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from turnout.errors import SurveyRefused, UsageError
from turnout.steps import about
from turnout.steps import rehearse as rehearsal
from turnout.steps.connect import connect
from turnout.steps.going_back import look
from turnout.steps.survey import refuse
from turnout.steps.work import Done, Target, Work

REVERT = "undo the newer commits with git revert, and deploy that"
"""The way back that is always open: the gate refuses an older revision itself, and the tree of a revert is known."""


async def begin(work: Work) -> None:
    """Reach the hosts and take their leases: a rollback's only gate."""
    await connect(work, "survey")


async def survey(work: Work, host: Target) -> Done:
    """Choose the earlier blessed release: the named one, else the newest below the running one."""
    answer = await host.client.call("survey", shared=list(work.config.release.shared), **work.settings)
    refuse(host, [found for found in answer["findings"] if found["what"] == "current"], work.environment.name)
    host.release = _choose(work, host)
    _must_agree(work)
    await about.release(work, host)
    await look(work, host)
    return Done(f"{host.running or 'nothing'} → {host.release}, {_revision(host.record(host.release))}")


def _choose(work: Work, host: Target) -> str:
    blessed = [str(one["release"]) for one in host.state["releases"] if one["state"] == "blessed"]
    names, wanted = ", ".join(blessed) or "none", work.rollback.release
    if wanted is None:
        limit = _limit(host)
        below = [name for name in blessed if int(name[1:]) < limit]
        if not below:
            raise SurveyRefused(
                f"there is no earlier blessed release to go back to (blessed: {names})",
                where=host.name,
                remedy=["turnout releases", REVERT],
            )
        wanted = below[0]
    elif wanted not in blessed:
        raise UsageError(
            f"{wanted} is no blessed release of {host.name}",
            why=f"only a release that was proved can be gone back to: {names}",
            remedy="turnout releases",
        )
    if wanted == host.running:
        raise UsageError(f"{wanted} is what runs on {host.name} now", remedy="turnout releases")
    return wanted


def _must_agree(work: Work) -> None:
    """Each host counts its own releases: the same number may be other code elsewhere. Never half one, half another."""
    chosen = [(host, host.record(_choose(work, host))) for host in work.targets]
    if len({record.get("artifact") for _, record in chosen}) > 1:
        raise SurveyRefused(
            "the hosts would not go back to the same code",
            why=[f"{host.name}: {record['release']}, {_revision(record)}" for host, record in chosen],
            remedy=["turnout releases    lists what each has", REVERT],
        )


def _revision(record: dict[str, Any]) -> str:
    return str(record.get("revision") or "adopted")[:10]


def _limit(host: Target) -> int:
    """The number below which to look. A release that a rollback with --keep-env made stands for the one it copied."""
    name = host.running
    while name and (of := host.record(name).get("back_to")):
        name = str(of)
    return int(name[1:]) if name else 1 << 31


async def rehearse(work: Work, host: Target) -> Done:
    """Rehearse the earlier release only when migrations went in since, or its dotenv is not the running one's."""
    before, now = _digest(host, host.release), _digest(host, host.running)
    reasons = ["migrations went in since"] if host.later else []
    if host.running and before != now:
        reasons.append(f"its dotenv is not that of {host.running}")
    if not reasons:
        return Done("nothing around it changed since", "skipped")
    done = await rehearsal.rehearse(work, host)
    return replace(done, detail=f"{done.detail}; {' and '.join(reasons)}")


def _digest(host: Target, release: str | None) -> str | None:
    found = (host.record(release).get("dotenv") or {}).get("base_digest")
    return None if found is None else str(found)
