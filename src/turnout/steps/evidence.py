"""Not a step: what the gate needs to know, found out from git, the hosts, the required environment and GitHub.

The rules themselves are pure functions in `gate/`. Everything here only looks.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from turnout import __version__
from turnout.builder import inputs
from turnout.gate import github
from turnout.gate.calendar import Calendar
from turnout.gate.model import Check, Facts, Running
from turnout.model import Revision
from turnout.source.git import Repository
from turnout.steps import elsewhere

if TYPE_CHECKING:
    from turnout.config.schema import Config
    from turnout.steps.work import Target, Work

SHOWN = 3
"""Changed files that are named."""


async def revision(work: Work) -> str | None:
    """Find the repository and the revision; gives the branch that has it, or None."""
    work.repository = await Repository.find(work.config.file.parent)
    work.revision = await work.repository.resolve(work.deploy.ref, work.config.source)
    made = work.origin.record.get("inputs") if work.origin else None
    work.inputs = str(made or inputs_of(work.config, work.revision))
    return await work.repository.on_branch(work.revision, list(work.environment.branches))


def inputs_of(config: Config, revision: Revision) -> str:
    """The digest of what decides the artifact: the tree of the app's folder, and all settings of its build."""
    tables = ("build", "package", "dependencies", "migrate")
    parts: dict[str, Any] = {name: getattr(config, name).model_dump(mode="json") for name in tables}
    parts |= {
        "tree": revision.tree,
        "source": config.source,
        "node": config.node,
        "toolchain": config.toolchain,
        "processes": config.processes.config,
        "env": inputs.values(config.build.env, os.environ),
    }
    return inputs.digest(parts)


def known(work: Work, branch: str | None) -> Facts:
    """What can be said before any host is reached."""
    assert work.revision
    return Facts(
        environment=work.environment.name,
        revision=work.revision.short,
        now=datetime.now(UTC),
        source=work.config.source,
        branches=work.environment.branches,
        branch=branch,
        urgent=work.deploy.urgent,
    )


async def gather(work: Work, branch: str | None) -> Facts:
    """All facts; the hosts' states must have been asked for. Where nothing changed, nobody else is asked."""
    assert work.revision
    rules = work.environment
    running = tuple(await asyncio.gather(*(_running(work, host) for host in work.targets)))
    facts = replace(
        known(work, branch),
        running=running,
        calendar=Calendar(rules.windows, rules.freezes, rules.holidays, rules.time_zone),
    )
    if facts.unchanged:
        return facts
    checks, required = await asyncio.gather(
        github.ask(work.revision.commit, rules.github_checks, os.environ), elsewhere.soaked(work)
    )
    commands = tuple(Check(f"`{command}`", "later") for command in rules.checks)
    return replace(facts, checks=checks + commands, required=required)


async def _running(work: Work, host: Target) -> Running:
    """What one host runs, against the revision."""
    assert work.revision
    name, record = host.running, host.record(host.running)
    if name is None:
        return Running(host.name)
    if not record.get("revision"):
        return Running(
            host.name, name, f"{name} was not made by a deployment, so nothing is known of its revision"
        )
    differs = await _differs(work, host, record)
    newer, age = await _age(work, name, str(record.get("revision")))
    same = [
        str(one["release"])
        for one in host.state.get("releases", [])
        if one.get("state") == "blessed"
        and (one.get("revision") == work.revision.commit or one.get("inputs") == work.inputs)
    ]
    return Running(host.name, name, differs, newer, age, same[0] if same else None)


async def _differs(work: Work, host: Target, record: dict[str, Any]) -> str:
    """What would change there; "" when neither the app's folder nor anything around it did, and it serves well."""
    assert work.repository
    assert work.revision
    name, commit = host.running, str(record.get("revision"))
    if record.get("inputs") == work.inputs:
        return await _around(work, host, record)
    files = await work.repository.files_changed(commit, work.revision.commit, work.config.source)
    if files is None:
        return f"{name} runs {commit[:10]}, which is not in this clone"
    if files:
        more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        count = f"{len(files)} file{'s' if len(files) > 1 else ''}"
        return f"{count} since {name} ({commit[:10]}): {', '.join(files[:SHOWN])}{more}"
    if record.get("inputs") is None:
        return f"no file since {name}, but an earlier Turnout did not note how it was built"
    return f"no file since {name}, but how it is built: turnout.toml, or a variable of `[build] env`"


async def _around(work: Work, host: Target, record: dict[str, Any]) -> str:
    """With the same code: what else would be different. The host is asked only here."""
    options = work.deploy
    reasons = {
        "--update-runtime was asked for": options.update_runtime,
        "--restart-pm2 was asked for": options.restart_pm2,
        "another version of Turnout": record.get("turnout") != __version__,
        "the database was restored, so migrations may be lacking": record.get("migrated") == "unknown",
        "a layer that it runs on is gone": any(host.lacks(key) for key in _layers(record)),
        "what turnout.toml says of the processes": record.get("processes") != work.settings["processes"],
        f"{host.running} is not the release that should serve": record.get("state") != "blessed"
        or host.running != host.state.get("serving"),
    }
    reason = next((why for why, is_so in reasons.items() if is_so), "")
    return reason or await _ask(work, host, record)


def _layers(record: dict[str, Any]) -> list[str | None]:
    runs = record.get("toolchain") or {}
    return [record.get("dependencies"), runs.get("node"), runs.get("pm2")]


async def _ask(work: Work, host: Target, record: dict[str, Any]) -> str:
    survey, health = await asyncio.gather(
        host.client.call("survey", shared=list(work.config.release.shared), **work.settings),
        host.client.call("health", look=True, **work.settings),
    )
    found = [str(one["why"]) for one in survey["findings"] if one["fatal"]] + list(health["needs_a_look"])
    if found:
        return str(found[0])
    before = (record.get("dotenv") or {}).get("base_digest")
    return "the .env there" if survey["dotenv"].get("digest") != before else ""


async def _age(work: Work, name: str, commit: str) -> tuple[bool, str]:
    """Whether what runs is newer than the revision, and how the two stand to each other, in words."""
    assert work.repository
    assert work.revision
    branches, runs = list(work.environment.branches), f"{name} runs {commit[:10]}"
    if commit == work.revision.commit:
        return False, f"{name} runs this very revision"
    before = await work.repository.comes_before(work.revision.commit, commit)
    if before:
        found = await work.repository.on_branch(Revision(commit, "", "", ""), branches)
        gone = "" if found else ", but is on no branch any more"
        return found is not None, f"{runs}, which comes after it{gone}"
    if before is None:
        behind = await work.repository.behind(branches)
        more = ", and origin has newer commits" if behind else ""
        return behind, f"{runs}, which is not in this clone{more}"
    after = await work.repository.comes_before(commit, work.revision.commit)
    return False, f"{runs}, which {'comes before it' if after else 'is on another line of history'}"
