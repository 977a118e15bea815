"""survey: can the host take this release? It refuses before anything is sent."""

from __future__ import annotations

from typing import Any

from turnout.errors import SurveyRefused
from turnout.steps.work import Done, Target, Work


async def survey(work: Work, host: Target) -> Done:
    """Look at drift, dotenv, runtime, platform and processes. Findings that do not refuse are told in the result."""
    answer = await host.client.call(
        "survey",
        release_keys=_example_keys(work),
        shared=list(work.config.release.shared),
        processes=work.processes(),
        health=work.health(),
        port_env=work.config.health.port_env,
        toolchain={"node_version": work.runs.node, "pm2_version": host.pm2},
        accept_drift=work.deploy.accept_drift,
        restart_pm2=work.deploy.restart_pm2,
    )
    host.dotenv = answer["dotenv"]
    refuse(host, answer["findings"])
    told = [found["why"] for found in answer["findings"]]
    work.notes += [f"{host.name}: {why}" for why in told]
    return Done("; ".join(told) or f"{host.platform}, {_free(host)} free")


def refuse(host: Target, findings: list[dict[str, Any]]) -> None:
    """Raise SurveyRefused for the fatal findings, all of them in one block."""
    fatal = [found for found in findings if found["fatal"]]
    if fatal:
        raise SurveyRefused(
            fatal[0]["why"],
            where=f"{host.name}, {fatal[0]['where']}",
            why=[found["why"] for found in fatal[1:]],
            remedy=[line.replace("{host}", host.name) for found in fatal for line in found["remedy"]],
        )


def _example_keys(work: Work) -> list[str]:
    """The keys that .env.example names: `KEY=…`, with or without `export`; one that is commented out is optional."""
    example = work.source / ".env.example"
    if not example.is_file():
        return []
    lines = example.read_text(encoding="utf-8", errors="replace").splitlines()
    names = [line.strip().removeprefix("export ").partition("=") for line in lines if "=" in line]
    return [name.strip() for name, _, _ in names if name.strip().isidentifier()]


def _free(host: Target) -> str:
    return f"{host.facts['disk']['free'] / 1e9:.1f} GB"
