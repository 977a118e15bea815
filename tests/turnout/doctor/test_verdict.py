from __future__ import annotations

from typing import Any

import pytest

from turnout.config.schema import Config, Dependencies, Environment
from turnout.doctor import verdict
from turnout.doctor.finding import Finding, Place
from turnout.doctor.verdict import Seen
from turnout.model import Address

PRODUCTION = Environment(name="production", path="/srv/api")
CONFIG = Config(app="api", environments={"production": PRODUCTION})
HOST = Address("203.0.113.5", "deploy", 2222)
FACTS: dict[str, Any] = {
    "platform": "linux-x64-glibc",
    "user": "deploy",
    "node": None,
    "npm": None,
    "pm2": None,
    "daemon": None,
    "disk": {"free": 40_000_000_000, "total": 50_000_000_000, "inodes_free": 2_000_000},
}
STATE: dict[str, Any] = {
    "current_kind": "missing",
    "running": None,
    "releases": [],
    "lease": None,
    "open": None,
}
STATUS: dict[str, Any] = {"release": None, "boot": {"possible": "cron", "installed": False}}
SERVES: dict[str, Any] = {
    "release": "v3",
    "processes": [{}, {}],
    "health": {"ok": True, "status": 200},
    "needs_a_look": [],
    "boot": {"possible": "cron", "installed": True},
}
SURVEY: dict[str, Any] = {"findings": [], "dotenv": {"exists": True, "keys": ["A", "B"]}}


def seen(
    facts: dict[str, Any] | None = None,
    state: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    survey: dict[str, Any] | None = None,
    config: Config = CONFIG,
    **more: Any,
) -> Seen:
    """A host with which all is well, but for what is given."""
    answers = (FACTS | (facts or {}), STATE | (state or {}), STATUS | (status or {}), SURVEY | (survey or {}))
    settings = {"node": "20.1.0", "range": "20", "platform": "linux-x64-glibc", **more}
    return Seen(Place(str(HOST), 23), HOST, config, PRODUCTION, *answers, **settings)


def of(found: list[Finding], check: str) -> list[tuple[str, str]]:
    return [(finding.level, finding.message) for finding in found if finding.check == check]


def level(host: Seen, check: str) -> list[str]:
    return [level for level, _ in of(verdict.judge(host), check)]


@pytest.mark.parametrize(
    "host", [seen(), seen(state={"current_kind": "link", "running": "v3"}, status=SERVES)]
)
def test_a_good_host_has_no_findings_but_good_ones(host: Seen) -> None:
    """Before the first deployment and later."""
    assert {finding.level for finding in verdict.judge(host)} == {"ok"}


def test_a_host_that_answered_nothing_is_not_judged() -> None:
    """The failed calls are findings already."""
    empty: dict[str, Any] = {}
    assert verdict.judge(Seen(Place("h"), HOST, CONFIG, PRODUCTION, empty, empty, empty, empty)) == []


@pytest.mark.parametrize(
    "there,where,toolchain,level,said",
    [
        ("linux-x64-glibc", "auto", "shipped", "ok", "dependencies are shipped"),
        ("linux-x64-glibc", "host", "shipped", "ok", "dependencies are made there"),
        ("linux-arm64-glibc", "auto", "shipped", "ok", "dependencies are made there"),
        ("linux-x64-glibc", "ship", "shipped", "ok", "dependencies are shipped"),
        ("linux-arm64-glibc", "ship", "shipped", "problem", "cannot take dependencies"),
        ("linux-x64-musl", "auto", "shipped", "problem", "no official Node"),
        ("linux-x64-musl", "auto", "host", "ok", "dependencies are made there"),
    ],
)
def test_platforms(there: str, where: Any, toolchain: Any, level: str, said: str) -> None:
    """Dependencies travel between machines of one platform; Node is there for the platforms of the registry."""
    config = CONFIG.model_copy(update={"dependencies": Dependencies(where=where), "toolchain": toolchain})
    [found] = list(verdict.platform(seen({"platform": there}, config=config)))
    assert (found.level, said in found.message) == (level, True)


@pytest.mark.parametrize(
    "free,inodes,level,said",
    [
        (40_000_000_000, 2_000_000, "ok", "40.0 GB free, 2,000,000 inodes"),
        (40_000_000_000, 2**63 - 1, "ok", "40.0 GB free"),
        (900_000_000, 2_000_000, "warning", "only 0.9 GB of disk are free"),
        (40_000_000_000, 5_000, "warning", "only 5,000 inodes are free"),
    ],
)
def test_room(free: int, inodes: int, level: str, said: str) -> None:
    """A disk that is nearly full is told with its figures; no limit of inodes is no figure."""
    [found] = list(verdict.disk(seen({"disk": {"free": free, "inodes_free": inodes}})))
    assert (found.level, found.message) == (level, said)


@pytest.mark.parametrize(
    "there,skew", [(None, 0), (10.5, 0), (10.0, 0), (11.0, 0), (4.0, -6.0), (30.0, 19.0)]
)
def test_a_clock_is_only_as_wrong_as_is_certain(there: float | None, skew: float) -> None:
    """It was asked between 10 and 11."""
    assert verdict.skew(there, 10.0, 11.0) == skew


@pytest.mark.parametrize(
    "skew,said", [(0.0, "as here"), (-5.0, "as here"), (-90.4, "90 s behind"), (6.0, "6 s ahead of")]
)
def test_clocks(skew: float, said: str) -> None:
    """Beyond 5 s the times that people read mislead them."""
    [found] = list(verdict.clock(seen(skew=skew)))
    assert (found.level, said in found.message) == ("ok" if said == "as here" else "warning", True)


@pytest.mark.parametrize(
    "toolchain,tools,level",
    [
        ("shipped", {}, "ok"),
        ("shipped", {"node": {"version": "12.0.0"}}, "ok"),
        ("host", {}, "problem"),
        ("host", {"node": {"version": "20.9.0"}, "npm": {"version": None}}, "problem"),
        (
            "host",
            {"node": {"version": "20.9.0"}, "npm": {"version": None}, "pm2": {"version": "7.0.4"}},
            "ok",
        ),
        (
            "host",
            {"node": {"version": "18.0.0"}, "npm": {"version": "9"}, "pm2": {"version": "7.0.4"}},
            "problem",
        ),
    ],
)
def test_a_host_brings_its_own_tools_only_if_asked_to(
    toolchain: Any, tools: dict[str, Any], level: str
) -> None:
    """With `toolchain = "host"` all three must be there, and Node must fit."""
    config = CONFIG.model_copy(update={"toolchain": toolchain})
    [found] = list(verdict.tools(seen(tools, config=config)))
    assert found.level == level


@pytest.mark.parametrize(
    "daemon,node,level,said",
    [
        (None, "20.1.0", "ok", "no daemon runs yet"),
        (
            {"pid": 7, "version": "7.0.4", "node": "20.1.0"},
            "20.1.0",
            "ok",
            "daemon 7.0.4 on Node 20.1.0, pid 7",
        ),
        (
            {"pid": 7, "version": None, "node": "20.1.0"},
            "20.1.0",
            "warning",
            "PM2's daemon, pid 7, does not answer",
        ),
        (
            {"pid": 7, "version": "7.0.4", "node": "18.0.0"},
            None,
            "problem",
            "PM2's daemon runs on Node 18.0.0, which does not satisfy '20'",
        ),
    ],
)
def test_the_daemon_that_runs(daemon: Any, node: str | None, level: str, said: str) -> None:
    """Its Node is what cluster workers run on; where another is known to come, the survey compares."""
    [found] = list(verdict.daemon(seen({"daemon": daemon}, node=node)))
    assert (found.level, found.message) == (level, said)


@pytest.mark.parametrize(
    "status,level,why",
    [
        (SERVES, "ok", ()),
        (SERVES | {"needs_a_look": ["v3 was never blessed"]}, "warning", ("v3 was never blessed",)),
        (SERVES | {"health": {"ok": False, "reason": "it answered 500"}}, "warning", ("it answered 500",)),
    ],
)
def test_what_serves_now(status: dict[str, Any], level: str, why: tuple[str, ...]) -> None:
    """A sick app is no problem of a deployment: the deployment may be what mends it."""
    [found] = list(verdict.serving(seen(status=status)))
    assert (found.level, found.why) == (level, why)


def test_who_holds_the_lease_is_named() -> None:
    """Who, since when, and for which work."""
    lease = {"by": "ann@laptop", "since": 1000.0, "work": "deploy", "deployment": "d7"}
    [found] = list(verdict.lease(seen(state={"lease": lease}, now=1185.0)))
    assert (found.level, found.message, found.why) == (
        "warning",
        "ann@laptop has held the lease for 3 min",
        ("deploy d7",),
    )


def test_a_switch_that_has_not_ended_is_told() -> None:
    """The next contact ends it."""
    assert level(seen(state={"open": {"release": "v4"}}), "switch") == ["warning"]


@pytest.mark.parametrize(
    "release,boot,level,said",
    [
        (None, {"possible": "cron", "installed": False}, "ok", "first deployment"),
        ("v3", {"possible": "cron", "installed": True}, "ok", "starts the app again"),
        ("v3", {"possible": "systemd", "installed": False}, "warning", "systemd entry is missing"),
        ("v3", {"possible": None, "installed": False}, "warning", "after a reboot nothing"),
        (None, {"possible": None, "installed": False}, "warning", "after a reboot nothing"),
    ],
)
def test_what_happens_after_a_reboot(
    release: str | None, boot: dict[str, Any], level: str, said: str
) -> None:
    """cron, or systemd for a user who lingers; else both ways to get there."""
    [found] = list(verdict.boot(seen(status={"release": release, "boot": boot})))
    assert (found.level, said in found.message) == (level, True)


def test_remedies_name_the_host_as_one_types_it() -> None:
    """User and port, and the user who must linger."""
    [found] = list(verdict.boot(seen(status={"boot": {"possible": None}})))
    assert found.remedy[0] == "ssh -p 2222 -t deploy@203.0.113.5 sudo loginctl enable-linger deploy"


def test_what_the_survey_finds_is_told_with_its_remedies() -> None:
    """A fatal finding would refuse the deployment with 23; others are warnings."""
    fatal = {
        "what": "dotenv",
        "where": "/srv/api/shared/.env",
        "why": "there is no .env on this host yet",
        "remedy": ["scp .env {host}:/srv/api/shared/.env"],
        "fatal": True,
    }
    other = {"what": "pm2-env", "where": "PM2", "why": "PM2 still holds A", "remedy": [], "fatal": False}
    found = verdict.judge(seen(survey={"findings": [fatal, other], "dotenv": {"exists": False}}))
    assert of(found, "dotenv") == [("problem", "there is no .env on this host yet")]
    assert ("warning", "PM2 still holds A") in of(found, "pm2")
    [problem] = [finding for finding in found if finding.level == "problem"]
    assert problem.exit_code == 23
    assert problem.remedy == ("scp -P 2222 .env deploy@203.0.113.5:/srv/api/shared/.env",)


@pytest.mark.parametrize(
    "toolchain,facts,own,node",
    [
        ("shipped", {"daemon": {"node": "20.5.0"}}, "20.1.0", "20.5.0"),
        ("shipped", {"daemon": {"node": "18.0.0"}}, "20.1.0", "20.1.0"),
        ("shipped", {"daemon": {"node": "18.0.0"}}, "22.0.0", None),
        ("shipped", {"node": {"version": "20.7.0"}}, "20.1.0", "20.1.0"),
        ("host", {"node": {"version": "20.7.0"}}, "20.1.0", "20.7.0"),
        ("shipped", {}, None, None),
    ],
)
def test_the_node_of_a_deployment(
    toolchain: Any, facts: dict[str, Any], own: str | None, node: str | None
) -> None:
    """The order of DESIGN 7, without asking the registry."""
    config = CONFIG.model_copy(update={"toolchain": toolchain})
    assert verdict.chosen(config, facts, "20", own) == node
    assert verdict.chosen(config, facts, "no range", own) is None


@pytest.mark.parametrize(
    "toolchain,daemon,own,pm2",
    [
        ("shipped", None, None, "7.0.4"),
        ("shipped", "5.4.0", "5.4.0", "5.4.0"),
        ("shipped", "5.4.0", None, "7.0.4"),
        ("host", None, "6.0.0", "6.0.0"),
        ("host", None, None, None),
    ],
)
def test_the_pm2_of_a_deployment(
    toolchain: Any, daemon: str | None, own: str | None, pm2: str | None
) -> None:
    """A daemon with a PM2 of its own is kept; else ours comes."""
    facts = {"daemon": {"version": daemon} if daemon else None, "pm2": {"version": own} if own else None}
    assert verdict.wanted_pm2(CONFIG.model_copy(update={"toolchain": toolchain}), facts) == pm2
