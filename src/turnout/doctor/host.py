"""Asks one host what a deployment would ask; `verdict.py` judges the answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from turnout.builder import runtime
from turnout.doctor import key_age, verdict
from turnout.doctor.finding import Finding, Place
from turnout.errors import HostKeyError, SurveyRefused, TurnoutError, Unreachable, UsageError
from turnout.model import LOCAL
from turnout.runner import connect

if TYPE_CHECKING:
    from turnout.config import Config, Environment, Reach
    from turnout.doctor.project import Needs
    from turnout.hosts.client import HostClient
    from turnout.model import Address


@dataclass(frozen=True)
class Goal:
    """What turnout.toml and the surroundings say."""

    config: Config
    environment: Environment
    reach: Reach


async def look(goal: Goal, address: Address, needs: Needs) -> list[Finding]:
    """The findings about one host. An error is one of them, so that the other hosts are told of too."""
    at, began = Place(str(address), SurveyRefused.exit_code), time.monotonic()
    try:
        async with await connect(goal.environment, goal.reach, address) as client:
            took = time.monotonic() - began
            login = at.ok("login", f"{took:.1f} s, python {client.hello.get('python')}")
            age = await key_age.look(client, goal.reach, goal.environment.name, at, time.time())
            return [login, *age, *await known(goal, address, at), *await _ask(goal, client, at, needs)]
    except HostKeyError as error:
        return [at.failed("host key", error)]
    except Unreachable as error:
        return [at.failed("login", error), *await known(goal, address, at)]
    except TurnoutError as error:
        return [at.failed("login", error)]


async def known(goal: Goal, address: Address, at: Place) -> list[Finding]:
    """What is known of the host's key: from known_hosts, or from VPS_KNOWN_HOSTS in its place."""
    if address.host == LOCAL:
        return []
    from turnout.hosts import known_hosts, sshconfig

    try:
        settings = await sshconfig.settings(address)
    except UsageError as error:
        return [at.failed("host key", error)]
    name, port = sshconfig.known_as(settings)
    files = [known_hosts.own_file(), known_hosts.SYSTEM, *sshconfig.known_hosts_files(settings)]
    found = known_hosts.KnownHosts(goal.reach.known_hosts, files).match(name, port)
    if found.trusted:
        return [at.ok("host key", known_hosts.describe(found.trusted[0]))]
    if found.ca:
        return [at.ok("host key", "vouched for by a certificate")]
    remedy = [f"turnout host trust {goal.environment.name}"]
    return [
        at.warn("host key", f"the host key of {known_hosts.pattern(name, port)} is not known yet", remedy)
    ]


async def _ask(goal: Goal, client: HostClient, at: Place, needs: Needs) -> list[Finding]:
    """The calls that only look. `status` is first: it ends an activation that nobody is at any more."""
    failures: list[Finding] = []
    settings = goal.config.settings(goal.environment)

    async def answer(call: str, **args: Any) -> dict[str, Any]:
        try:
            return await client.call(call, **args)
        except Unreachable:
            raise
        except TurnoutError as error:
            failures.append(at.failed(call, error))
            return {}

    status, before = await answer("status", **settings), time.time()
    facts, after = await answer("facts"), time.time()
    state = await answer("state")
    node = verdict.chosen(goal.config, facts, needs.node, await runtime.own_version())
    survey = await answer(
        "survey",
        release_keys=list(needs.release_keys),
        shared=list(goal.config.release.shared),
        port_env=goal.config.health.port_env,
        toolchain={"node_version": node, "pm2_version": verdict.wanted_pm2(goal.config, facts)},
        **settings,
    )
    seen = verdict.Seen(
        at, client.address, goal.config, goal.environment, facts, state, status, survey,
        node=node, range=needs.node, keys=len(needs.release_keys), platform=runtime.own_platform(),
        skew=verdict.skew(facts.get("time"), before, after), now=after,
    )  # fmt: skip
    return [*verdict.judge(seen), *failures]
