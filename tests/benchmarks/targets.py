"""What was aimed at, and what came out: each target is a figure of the results and its limit. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.benchmarks.results import Key, Results, median
from turnout import text

NEAR, FAR = "loopback", "10 Mbit/s, 50 ms"


class Target(NamedTuple):
    """`measured` is None where it was not measured; `limit` is the least or, if `most`, the most that is wanted."""

    what: str
    measured: float | None
    limit: float
    unit: str
    most: bool = True

    @property
    def met(self) -> bool | None:
        """Whether; None without a figure."""
        if self.measured is None:
            return None
        return self.measured <= self.limit if self.most else self.measured >= self.limit


def targets(found: Results, app: str) -> Iterator[Target]:
    """All of one app."""
    near, far = (
        (lambda case, who="turnout": Key(app, NEAR, who, case)),
        (lambda who: Key(app, FAR, who, "code")),
    )
    for who, least in (("spec", 12.0), ("rsync", 4.0), ("pm2", 1.7)):
        yield Target(
            f"code change, loopback: faster than {who}",
            found.ratio(near("code"), near("code", who)),
            least,
            "x",
            False,
        )
    for who, least in (("spec", 18.0), ("rsync", 4.0)):
        yield Target(
            f"code change, {FAR}: faster than {who}", found.ratio(far("turnout"), far(who)), least, "x", False
        )
    yield Target(
        "first answer of the new release, beside the build", _beside_build(found, near("code")), 2.5, "s"
    )
    yield Target("nothing changed", found.figure(near("nothing"), "wall"), 1.0, "s")
    yield Target(
        "rollback: only the earlier release answers", found.figure(near("rollback"), "last_old"), 1.2, "s"
    )
    yield Target("code change of four files: sent", found.figure(near("code"), "up"), 20_000, "B")
    yield Target("Prisma patch release: sent", found.figure(near("prisma"), "up"), 100_000, "B")
    yield Target("first upload beside one tar by zstd -9", _beside_zstd(found, near("first")), 1.01, "x")
    yield Target("code change: processor time of both programs", _cpu(found, near("code")), 1.0, "s")
    yield Target("requests failed in all deployments", _failed(found, app), 0, "")
    hosts = found.growth.get("hosts", {})
    one, many = (hosts.get(count, {}).get("code", {}).get("wall") for count in ("1", "20"))
    yield Target("20 hosts beside one", many / one if one and many else None, 3.0, "x")


def _beside_build(found: Results, key: Key) -> float | None:
    """`npm run build` is what the step took; what else it did is ours."""
    first, build = found.figure(key, "first_new"), found.steps(key).get("build")
    return first - build if first is not None and build is not None else None


def _cpu(found: Results, key: Key) -> float | None:
    return median(run["cpu_own"] + run["cpu_there"] for run in found.runs(key))


def _beside_zstd(found: Results, key: Key) -> float | None:
    sent, packed = found.figure(key, "up"), found.facts.get(f"zstd -9 of {key.app}")
    return sent / packed if sent is not None and packed else None


def _failed(found: Results, app: str) -> float | None:
    failed = [
        run["failed"]
        for key in found.measured()
        if key.app == app and key.contender == "turnout"
        for run in found.runs(key)
    ]
    return float(sum(failed)) if failed else None


def said(value: float | None, unit: str) -> str:
    """A figure with its unit; a dash where there is none."""
    if value is None:
        return "-"
    if unit == "B":
        return text.size(value)
    if unit == "s":
        return f"{value:.2f} s"
    if unit == "x":
        return f"{value:,.{0 if value >= 99.5 else 1 if value >= 1.995 else 2}f} x"
    return f"{value:,.0f}"
