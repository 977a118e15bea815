"""survey: can the host take this release? It refuses before anything is sent."""

from __future__ import annotations

from typing import Any

from turnout import text
from turnout.config import example
from turnout.errors import SurveyRefused
from turnout.hosts.faults import typed
from turnout.steps import ahead, database
from turnout.steps.work import Done, Target, Work

CLUSTER = "`exec_mode: 'cluster'` in the PM2 file"


async def survey(work: Work, host: Target) -> Done:
    """Look at drift, dotenv, runtime, platform, processes, database. What does not refuse is told in the result."""
    answer = await host.client.call(
        "survey",
        release_keys=example.keys(work.source),
        shared=list(work.config.release.shared),
        **work.settings,
        port_env=work.config.health.port_env,
        toolchain={"node_version": work.runs.node, "pm2_version": host.pm2},
        accept_drift=work.deploy.accept_drift,
        restart_pm2=work.deploy.restart_pm2,
    )
    host.dotenv = answer["dotenv"]
    host.drifted = any(found["what"] == "drift" for found in answer["findings"])
    refuse(host, answer["findings"], work.environment.name)
    told = [found["why"] for found in answer["findings"]]
    if (
        answer["gap_seconds"] and not work.config.health.rehearse
    ):  # else the rehearsal says it, with its own figure
        told.append(gap(answer["gap_seconds"]))
    told += await database.look(work, host)
    work.notes += [f"{host.name}: {why}" for why in told]
    ahead.begin(work, host)
    return Done("; ".join(told) or f"{host.platform}, {_free(host)} free")


def gap(seconds: float) -> str:
    """What is said of fork mode before a switch."""
    return (
        f"fork mode: nobody will answer for about {seconds:g} s during the switch; {CLUSTER} has no such gap"
    )


def refuse(host: Target, findings: list[dict[str, Any]], environment: str = "") -> None:
    """Raise SurveyRefused for the fatal findings, all of them in one block."""
    fatal = [found for found in findings if found["fatal"]]
    if fatal:
        raise SurveyRefused(
            fatal[0]["why"],
            where=f"{host.name}, {fatal[0]['where']}",
            why=[found["why"] for found in fatal[1:]],
            remedy=[
                typed(
                    line.replace("turnout host adopt", f"turnout host adopt {environment}".rstrip()),
                    host.address,
                )
                for found in fatal
                for line in found["remedy"]
            ],
        )


def _free(host: Target) -> str:
    return text.size(host.facts["disk"]["free"])
