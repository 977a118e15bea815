"""What a host's answers mean for a deployment: each check a pure function of what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from turnout.builder import runtime, versions
from turnout.doctor.finding import Finding, Place, gigabytes, many
from turnout.errors import UsageError
from turnout.hosts.faults import typed

if TYPE_CHECKING:
    from turnout.config import Config, Environment
    from turnout.model import Address

Answer = dict[str, Any]

ROOM = 1_000_000_000
"""Bytes: dependencies 240 MB, Node about 100 MB, and as much again while they are sent (FACTS, Sizes)."""
INODES = 20_000
"""A node_modules of 6,755 files (FACTS, Sizes) in the store and in its layer, and the releases."""
UNLIMITED = 1 << 60
"""What a host names that has no limit of inodes is above this."""
SKEW = 5.0
"""Seconds; beyond it the times of journal and lease, "since 3 min", mislead people."""

TOPICS = {
    "dotenv": "dotenv",
    "port": "port",
    "pm2-env": "pm2",
    "runtime": "pm2",
    "drift": "files",
    "hand": "current",
}
"""Findings of the survey by their name there, and the check of ours that they belong to."""


@dataclass(frozen=True)
class Seen:
    """One host: the answers to its calls (docs/protocol.md), {} where one failed, and what they are held against."""

    at: Place
    address: Address
    config: Config
    environment: Environment
    facts: Answer
    state: Answer
    status: Answer
    survey: Answer
    node: str | None = None
    """The version of Node that a deployment would take; None where only the registry could tell."""
    range: str = "*"
    keys: int = 0
    """How many keys .env.example names."""
    platform: str = ""
    """This machine's."""
    skew: float = 0.0
    now: float = 0.0

    def remedy(self, *lines: str) -> list[str]:
        """Remedies with the host as one types it."""
        return [typed(line, self.address) for line in lines]


def judge(seen: Seen) -> list[Finding]:
    """Every check, then what the survey found, with a remedy each."""
    found = [finding for check in CHECKS for finding in check(seen)]
    return [*found, *surveyed(seen)]


def platform(seen: Seen) -> Iterator[Finding]:
    """Dependencies with native code can be shipped only between machines of one platform."""
    if not seen.facts:
        return
    there, where = str(seen.facts["platform"]), seen.config.dependencies.where
    if there != seen.platform and where == "ship":
        remedy = ['where = "auto" in [dependencies] of turnout.toml']
        yield seen.at.problem("platform", f"{there} cannot take dependencies of {seen.platform}", remedy)
    elif seen.config.toolchain == "shipped" and there not in runtime.PACKAGES:
        remedy = ['install Node there yourself, and set toolchain = "host" in turnout.toml']
        yield seen.at.problem("platform", f"there is no official Node for {there}", remedy)
    else:
        ships = there == seen.platform and where != "host"
        yield seen.at.ok("platform", f"{there}, dependencies are {'shipped' if ships else 'made there'}")


def disk(seen: Seen) -> Iterator[Finding]:
    """A warning long before it is full; the deployment itself counts exactly."""
    if not seen.facts:
        return
    free, inodes = int(seen.facts["disk"]["free"]), int(seen.facts["disk"]["inodes_free"])
    path = f"ssh {{host}} df -h -i {seen.environment.path}"
    if free < ROOM:
        message = f"only {gigabytes(free)} of disk are free"
        yield seen.at.warn("disk", message, seen.remedy(path, "or lower `keep` in [release] of turnout.toml"))
    elif inodes < INODES:
        yield seen.at.warn("disk", f"only {inodes:,} inodes are free", seen.remedy(path))
    else:
        more = "" if inodes > UNLIMITED else f", {inodes:,} inodes"
        yield seen.at.ok("disk", f"{gigabytes(free)} free{more}")


def clock(seen: Seen) -> Iterator[Finding]:
    """Journal and lease tell times; people compare them with their own."""
    if abs(seen.skew) > SKEW:
        ahead = "ahead of" if seen.skew > 0 else "behind"
        message = f"its clock is {abs(seen.skew):.0f} s {ahead} this machine's"
        yield seen.at.warn("clock", message, seen.remedy("ssh -t {host} sudo timedatectl set-ntp true"))
    elif seen.facts:
        yield seen.at.ok("clock", "as here")


def tools(seen: Seen) -> Iterator[Finding]:
    """Node, npm and PM2 of the host's own: needed with `toolchain = "host"`, else only told."""
    if not seen.facts:
        return
    own = {name: (seen.facts.get(name) or {}).get("version") for name in ("node", "npm", "pm2")}
    there = {name: version for name, version in own.items() if seen.facts.get(name)}
    if seen.config.toolchain == "host":
        yield _own_tools(seen, there)
        return
    listed = ", ".join(f"{name} {version or '?'}" for name, version in there.items())
    yield seen.at.ok(
        "tools",
        f"Turnout brings its own; there: {listed}" if listed else "none there; Turnout brings its own",
    )


def _own_tools(seen: Seen, there: dict[str, str | None]) -> Finding:
    missing = [name for name in ("node", "npm", "pm2") if name not in there]
    shipped = 'or let Turnout bring them: toolchain = "shipped"'
    if missing:
        message = f"the host has no {', '.join(missing)} in its login shell's PATH"
        return seen.at.problem("tools", message, ["install them there", shipped])
    if not _fits(there["node"], seen.range):
        remedy = ["install another Node there, or correct `node` in turnout.toml", shipped]
        return seen.at.problem("tools", f"Node {there['node']} does not satisfy {seen.range!r}", remedy)
    return seen.at.ok("tools", ", ".join(f"{name} {version or '?'}" for name, version in there.items()))


def daemon(seen: Seen) -> Iterator[Finding]:
    """PM2's daemon is used as it is: cluster workers run on its Node (FACTS)."""
    running = seen.facts.get("daemon")
    if running and not running.get("version"):
        remedy = seen.remedy(
            f"ssh {{host}} ps -fp {running['pid']}",
            "pm2 update there, if it hangs: its apps stop for about a second",
        )
        yield seen.at.warn("pm2", f"PM2's daemon, pid {running['pid']}, does not answer", remedy)
    elif running and seen.node is None and running.get("node"):
        remedy = [
            f"turnout deploy {seen.environment.name} --restart-pm2",
            "or set `node` in turnout.toml to what runs there",
        ]
        message = f"PM2's daemon runs on Node {running['node']}, which does not satisfy {seen.range!r}"
        yield seen.at.problem("pm2", message, remedy)
    elif running:
        yield seen.at.ok(
            "pm2", f"daemon {running['version']} on Node {running.get('node') or '?'}, pid {running['pid']}"
        )
    elif seen.facts:
        yield seen.at.ok("pm2", "no daemon runs yet")


def current(seen: Seen) -> Iterator[Finding]:
    """What `current` is; what is wrong with it the survey says."""
    kind, running = seen.state.get("current_kind"), seen.state.get("running")
    if kind == "missing":
        yield seen.at.ok("current", "nothing is deployed yet")
    elif kind == "link" and running:
        yield seen.at.ok(
            "current", f"leads to {running}, of {many(len(seen.state.get('releases') or []), 'release')}"
        )


def dotenv(seen: Seen) -> Iterator[Finding]:
    """The .env of the next release."""
    found = seen.survey.get("dotenv") or {}
    if found.get("exists"):
        whole = ", all that .env.example names" if seen.keys else ""
        yield seen.at.ok("dotenv", f"{many(len(found['keys']), 'key')}{whole}")


def serving(seen: Seen) -> Iterator[Finding]:
    """Is what runs now well? A deployment may be just what mends it, so this is never a problem."""
    if not seen.status.get("release"):
        return
    doubts, health = list(seen.status.get("needs_a_look") or ()), seen.status.get("health") or {}
    if doubts or not health.get("ok"):
        why = doubts or [str(health.get("reason") or "the health check fails")]
        yield seen.at.warn(
            "serving", "what runs there needs a look", [f"turnout status {seen.environment.name}"], why
        )
    else:
        count = many(len(seen.status.get("processes") or ()), "process").replace("processs", "processes")
        yield seen.at.ok("serving", f"{seen.status['release']}, {count}, health {health.get('status')}")


def lease(seen: Seen) -> Iterator[Finding]:
    """Who deploys there now, and whether a switch has not ended."""
    holder, under_way = seen.state.get("lease"), seen.state.get("open")
    if holder:
        since = (
            f" for {max(0.0, seen.now - float(holder['since'])) / 60:.0f} min" if holder.get("since") else ""
        )
        message = f"{holder.get('by') or 'somebody'} has held the lease{since}"
        why = [f"{holder.get('work') or 'deployment'} {holder.get('deployment') or ''}".strip()]
        yield seen.at.warn("lease", message, ["wait until it has ended: others are refused (30)"], why)
    elif seen.state:
        yield seen.at.ok("lease", "free")
    if under_way:
        remedy = [f"turnout status {seen.environment.name}    looks again; so does the next deployment"]
        yield seen.at.warn("switch", f"the switch to {under_way.get('release')} has not ended", remedy)


def boot(seen: Seen) -> Iterator[Finding]:
    """After a boot PM2 is started again by cron, or by a systemd unit of a user who lingers (DESIGN 6)."""
    if not seen.status:
        return
    found = seen.status.get("boot") or {}
    if not found.get("possible"):
        user = seen.facts.get("user") or "USER"
        yield seen.at.warn(
            "boot",
            "after a reboot nothing would start the app again",
            seen.remedy(
                f"ssh -t {{host}} sudo loginctl enable-linger {user}",
                "or: ssh -t {host} sudo apt install cron",
            ),
            ["neither cron runs there, nor may the user's own systemd"],
        )
    elif found.get("installed"):
        yield seen.at.ok("boot", f"{found['possible']} starts the app again")
    elif seen.status.get("release"):
        remedy = [f"turnout deploy {seen.environment.name}    writes it at its end"]
        yield seen.at.warn(
            "boot", f"the {found['possible']} entry is missing: a reboot would end the app", remedy
        )
    else:
        yield seen.at.ok("boot", f"{found['possible']}; the first deployment writes the entry")


CHECKS: tuple[Callable[[Seen], Iterator[Finding]], ...] = (
    platform, disk, clock, tools, daemon, current, dotenv, serving, lease, boot,
)  # fmt: skip


def surveyed(seen: Seen) -> list[Finding]:
    """The survey's own findings: fatal ones would be refused with 23."""
    return [
        (seen.at.problem if found["fatal"] else seen.at.warn)(
            TOPICS.get(found["what"], found["what"]),
            found["why"],
            seen.remedy(*(found.get("remedy") or ())),
            [found["where"]] if found["where"] not in found["why"] else [],
        )
        for found in seen.survey.get("findings") or ()
    ]


def skew(there: float | None, before: float, after: float) -> float:
    """Seconds that a clock is ahead, at least: it was asked between `before` and `after`, nobody knows when."""
    if there is None or before <= there <= after:
        return 0.0
    return there - after if there > after else there - before


def chosen(config: Config, facts: Answer, spec: str, own: str | None) -> str | None:
    """The Node that a deployment would take; None where only the registry can tell, or `spec` is no range."""
    there = (facts.get("daemon") or {}).get("node")
    if config.toolchain == "host":
        there = there or (facts.get("node") or {}).get("version")
    try:
        choice = versions.resolve(spec, there, own, None, None)
    except UsageError:
        return None
    return choice.version if choice else None


def wanted_pm2(config: Config, facts: Answer) -> str | None:
    """The PM2 that a deployment would take, as the toolchain step decides."""
    daemon, own = facts.get("daemon") or {}, (facts.get("pm2") or {}).get("version")
    if config.toolchain == "host":
        return str(own) if own else None
    keeps = daemon.get("version") and own == daemon["version"]
    return str(own) if keeps else runtime.PM2


def _fits(version: str | None, spec: str) -> bool:
    try:
        return version is not None and versions.satisfies(version, versions.parse(spec))
    except UsageError:  # a finding about the app
        return True
