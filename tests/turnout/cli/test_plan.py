"""`turnout plan`: what people and programs see of it, and the exit codes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from turnout.cli.plan import as_object, exit_code, screen
from turnout.migrations.classes import Classed
from turnout.migrations.effect import Effect
from turnout.migrations.pending import Migration
from turnout.model import Revision
from turnout.planning.locks import Package
from turnout.planning.outlook import Outlook, Plan

REVISION = Revision("3f2a1bc45d3f2a1bc45d3f2a1bc45d3f2a1bc45d", "tree", "Faster search", "main")
DROP = Migration(
    "2026_drop", 'ALTER TABLE "A" DROP COLUMN "b";', (Effect("drop column", "A", "b", removes=True),)
)
ADD = Migration("2026_add", "CREATE TABLE …", (Effect("create table", "B", adds=True),))
HOST = Outlook(
    "deploy@203.0.113.5",
    "v44",
    "v43",
    "c0ffee",
    commits=["Faster search", "Mend the login"],
    files=[("M", "src/search.ts"), ("A", "src/login.ts")],
    packages=[Package("express", ("5.2.0",), ("5.3.0",), direct=True)],
    migrations=[ADD],
    known_by="the journal",
    runtime={
        "node": "20.20.2",
        "node_there": "20.20.2",
        "pm2": "7.0.4",
        "platform": "linux-x64-glibc",
        "dependencies": "there",
    },
    bytes_contents=120_000,
    bytes_sent=61_000,
    disk={"free": 10_000_000_000, "free_afterwards": 9_000_000_000, "total": 20_000_000_000},
    seconds=6.1,
)
FATAL = {"what": "drift", "where": "x", "why": "drift: a hand was here", "remedy": ["look"], "fatal": True}


def plan(verdict: str = "deploy", *hosts: Outlook) -> Plan:
    """A plan for these hosts."""
    return Plan(
        REVISION, verdict, ["3f2a1bc45d is on main"], ["merge it"] if verdict == "refuse" else [], list(hosts)
    )


def text(found: Plan, limit: int | None = 10) -> str:
    """All lines of the screen."""
    return "\n".join(line for _, line in screen("api", "production", found, limit))


@pytest.mark.parametrize(
    "verdict, change, code",
    [
        ("deploy", {}, 3),
        ("skip", {"unchanged": True}, 0),
        ("refuse", {}, 10),
        ("wait", {}, 10),
        ("deploy", {"findings": [FATAL]}, 23),
        ("deploy", {"findings": [{**FATAL, "fatal": False}]}, 3),
        ("refuse", {"findings": [FATAL]}, 10),
    ],
)
def test_exit_codes(verdict: str, change: dict[str, Any], code: int) -> None:
    """3 for something to do, 0 for nothing; what would be refused has the code of that refusal."""
    assert exit_code(plan(verdict, replace(HOST, **change))) == code


def test_everything_is_on_the_screen() -> None:
    """Commits, files, dependencies, migrations, runtime, bytes, disk, time and the way back."""
    shown = text(plan("deploy", HOST))

    for words in (
        "deploy: 3f2a1bc45d is on main",
        "v43 → v44",
        "Mend the login",
        "A src/login.ts",
        "express 5.2.0 → 5.3.0",
        "create table B",
        "Node 20.20.2, PM2 7.0.4",
        "61 kB (120 kB of contents)",
        "9.0 GB of 20 GB free afterwards",
        "about 6.1 s",
        "way back      v43, which works with all of this",
    ):
        assert words in shown


def test_a_way_back_that_is_not_safe_says_why() -> None:
    """What the running release would miss, by name."""
    uses = "drop column A.b; the older code uses A.b"
    classed = [Classed("2026_drop", breaks=(uses,)), Classed("2026_more", breaks=("another",))]
    found = plan("deploy", replace(HOST, migrations=[ADD, DROP], classed=classed))

    assert "way back      refused, v43 cannot live with 2026_drop: drop column A.b; the older" in text(found)
    assert "\n                2026_more: another" in text(found)
    assert as_object(found)["hosts"][0]["rollback"] == {"release": "v43", "safe": False}


@pytest.mark.parametrize("seconds, told", [(0.62, True), (0.0, False)])
def test_the_gap_of_fork_mode_is_told_with_the_way_out(seconds: float, told: bool) -> None:
    """Cluster mode has none, and says nothing."""
    found = plan("deploy", replace(HOST, gap_seconds=seconds))

    line = "nobody will answer for about 0.62 s during the switch; `exec_mode: 'cluster'`"
    assert (line in text(found)) == told
    assert as_object(found)["hosts"][0]["gap_seconds"] == seconds


def test_long_lists_end_and_say_so() -> None:
    """-v shows all of them."""
    found = plan("deploy", replace(HOST, commits=[f"commit {number}" for number in range(20)]))

    assert "… and 10 more" in text(found)
    assert "commit 19" not in text(found)
    assert "commit 19" in text(found, None)


def test_changes_that_cannot_be_told_are_not_left_out_in_silence() -> None:
    """An adopted release, or a revision that this clone does not have."""
    assert "not known: v1 was adopted" in text(plan("deploy", replace(HOST, unknown="v1 was adopted")))


def test_a_host_that_has_it_is_one_line() -> None:
    """Beside one that has not."""
    shown = text(plan("deploy", replace(HOST, host="a", unchanged=True), replace(HOST, host="b")))

    assert "✓ a · v43 is exactly this: nothing to do" in shown
    assert "b · v43 → v44" in shown
