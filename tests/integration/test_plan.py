"""`turnout plan` and `turnout package` on the real thing: what would happen, and that nothing did."""

from __future__ import annotations

import subprocess
import tarfile
from typing import Any

import pytest

from tests.support.site import API_KEY, Site, until

pytestmark = pytest.mark.integration
MIGRATION = "backend/prisma/migrations/20261125090000_{name}/migration.sql"
DESTRUCTIVE = 'ALTER TABLE "Video" DROP COLUMN "url";\n'
SPEC = {
    "dist",
    "node_modules",
    "prisma",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "ecosystem.config.js",
    ".env.example",
}
"""The spec's "Deployment Package Contents"."""


def planned(site: Site, code: int, *arguments: str) -> dict[str, Any]:
    """The one host's object of `turnout plan --json`; the host's journal, releases and store are as they were."""
    before = (site.journal(), site.current(), sorted(site.layout.store.rglob("*")))
    found = site.turnout("plan", "--json", *arguments, check=code).json
    assert (site.journal(), site.current(), sorted(site.layout.store.rglob("*"))) == before
    assert API_KEY not in str(found)
    (host,) = found["hosts"]
    return {**host, "decision": found["decision"]}


def test_before_the_first_deployment_all_is_new(site: Site) -> None:
    """Exit 3; all contents travel, every migration is pending, there is no way back and no history."""
    seen = planned(site, 3)

    assert (seen["running"], seen["release"], seen["rollback"], seen["seconds"]) == (None, "v1", None, None)
    assert [one["name"] for one in seen["migrations"]] == [
        "20260901090000_create_videos",
        "20261012140000_count_views",
    ]
    assert seen["bytes_to_send"] > 10_000_000
    assert seen["disk"]["free_afterwards"] < seen["disk"]["free"]
    assert (seen["runtime"]["dependencies"], seen["dotenv_missing"]) == ("shipped", [])
    assert site.processes() == []

    sent = site.deploy().finished["bytes_sent"]
    assert 0.75 * seen["bytes_to_send"] < sent < 1.02 * seen["bytes_to_send"]  # a slow link gets it smaller


def test_nothing_to_do_is_exit_0(live: Site) -> None:
    """What serves already, and well, needs no deployment."""
    seen = planned(live, 0)

    assert (seen["unchanged"], seen["release"], seen["decision"]["verdict"]) == (True, None, "skip")
    assert "nothing to do" in live.turnout("plan", check=0).err


def test_a_change_is_told_in_full(live: Site) -> None:
    """Commits, files, a migration with its SQL and whom it hurts, a missing key, the time that it took before."""
    live.commit({MIGRATION.format(name="drop_url"): DESTRUCTIVE}, "Drop the address of a video")
    live.commit(
        {"backend/.env.example": (live.repo / "backend/.env.example").read_text() + "MAIL_HOST=x\n"}, "Mail"
    )
    try:
        seen = planned(live, 23)
        screen = live.turnout("plan", check=23).err
    finally:
        live.git("reset", "-q", "--hard", "HEAD~2")

    assert seen["commits"] == ["Mail", "Drop the address of a video"]
    assert {(one["change"], one["path"]) for one in seen["files"]} == {
        ("M", ".env.example"),
        ("A", MIGRATION.format(name="drop_url").removeprefix("backend/")),
    }
    (migration,) = seen["migrations"]
    assert (migration["sql"], migration["only_adds"]) == (DESTRUCTIVE, False)
    assert [one["what"] for one in migration["effects"]] == ["drop column Video.url"]
    assert seen["rollback"] == {"release": "v1", "safe": False}
    assert seen["dotenv_missing"] == ["MAIL_HOST"]
    assert seen["seconds"] > 0
    assert seen["bytes_to_send"] < 100_000
    assert "refused, v1 cannot live with 20261125090000_drop_url: drop column Video.url" in screen
    assert "MAIL_HOST" in screen


def test_what_an_earlier_release_was_made_of_is_planned_without_its_lease(live: Site) -> None:
    """A revert: what the host has in v1 is not sent again; a deployment asks the host's store under its lease."""
    live.greet("Two")
    assert live.deploy().finished["release"] == "v2"
    live.git("revert", "--no-edit", "HEAD")
    seen = planned(live, 3)

    assert (seen["running"], seen["release"], seen["bytes_of_contents"]) == ("v2", "v3", 0)
    assert (seen["migrations"], seen["rollback"]) == ([], {"release": "v2", "safe": True})
    assert {one["path"] for one in seen["files"]} == {"src/config/greeting.ts"}


def test_a_dependency_is_told_from_the_lock_files_and_shipped(live: Site) -> None:
    """Its name, both versions, and that the layer is made anew; with two hosts, each is told of."""
    lock = live.repo / "backend/package-lock.json"
    before = (lock.read_text(), (live.repo / "backend/package.json").read_text())
    subprocess.run(
        ["npm", "install", "--package-lock-only", "--save-exact", "--ignore-scripts", "left-pad@1.3.0"],
        cwd=lock.parent,
        env=live._deployer_env(),
        check=True,
        capture_output=True,
    )
    live.commit({}, "Pad")
    toml = live.repo / "turnout.toml"
    text = toml.read_text()
    toml.write_text(text.replace("hosts = [", 'hosts = ["local", '))
    try:
        hosts = live.turnout("plan", "--json").json["hosts"]
    finally:
        toml.write_text(text)
        live.commit(
            dict(zip(("backend/package-lock.json", "backend/package.json"), before, strict=True)), "No"
        )

    for seen in hosts:
        assert seen["dependencies"] == [
            {"name": "left-pad", "old": [], "new": ["1.3.0"], "direct": True, "dev": False}
        ]
        assert seen["runtime"]["dependencies"] == "shipped"
        assert 1_000 < seen["bytes_to_send"] < 100_000  # the new layer leans on the one that is there
    assert [seen["host"] for seen in hosts] == ["local", str(live.sshd.address)]


def test_a_revision_of_another_branch_is_told_to_be_refused(live: Site) -> None:
    """Exit 10, with the rule and what to do."""
    live.git("checkout", "-q", "-b", "feature")
    live.greet("From a branch")
    try:
        seen = planned(live, 10)
    finally:
        live.git("checkout", "-q", "main")

    assert seen["decision"]["verdict"] == "refuse"
    assert "none of the branches" in seen["decision"]["reasons"][0]


def test_the_package_is_the_specs(live: Site) -> None:
    """Its top names and the app's prisma.config.*; production dependencies only; no dotenv; nothing of this machine."""
    file = live.root / "backend-deploy.tar.gz"
    (live.repo / "backend/.env").write_text(f"API_KEY={API_KEY}\n")
    live.turnout("package", "production", "--out", str(file), check=0)
    (live.repo / "backend/.env").unlink()

    with tarfile.open(file) as archive:
        members = archive.getmembers()
    names = [member.name for member in members]
    assert {name.split("/")[0] for name in names} == SPEC | {"prisma.config.ts"}
    assert names == sorted(names)
    assert "node_modules/express/package.json" in names
    assert not [name for name in names if name.startswith("node_modules/@types/express")]
    assert {(member.uid, member.gid, member.uname, member.mtime) for member in members} == {
        (0, 0, "", 315_532_800)
    }


def test_the_gap_of_fork_mode_is_told_before_it_and_measured_in_it(live: Site) -> None:
    """`deploy` says it in its rehearsal, `plan` as soon as fork mode serves, with the way out; then it is measured."""
    ecosystem = "backend/ecosystem.config.js"
    text = (live.repo / ecosystem).read_text()
    live.write_toml()
    live.commit(
        {ecosystem: text.replace("'cluster'", "'fork'").replace("instances: 2", "instances: 1")}, "Fork"
    )
    to_fork = live.deploy()
    live.greet("In fork mode")

    seen, screen = planned(live, 3), live.turnout("plan", check=3).err
    run = live.deploy()

    for one in (to_fork, run):
        told = [event for event in one.events if "nobody answers for about" in str(event.get("message"))]
        assert "cluster" in told[0]["message"]
        assert told[0]["seq"] < min(event["seq"] for event in one.events if event.get("step") == "activate")
        assert any("nobody answered for" in note and "cluster" in note for note in one.finished["notes"])
    first, second = [one["gap_seconds"] for one in live.journal() if one.get("gap_seconds") and "pids" in one]
    assert seen["gap_seconds"] == first > 0
    assert second > 0
    assert f"nobody will answer for about {first:g} s during the switch; `exec_mode: 'cluster'`" in screen
    print(f"\nthe gap: {first:g} s from cluster to fork, {second:g} s from fork to fork")


def at_work(site: Site) -> str:
    """What the plan says of who is at work on the host."""
    (seen,) = site.turnout("plan", "--json", check=3).json["hosts"]
    return " ".join(found["why"] for found in seen["findings"] if found["what"] == "lease")


def test_while_a_deployment_is_under_way(live: Site) -> None:
    """The plan says who is at work, waits for nothing, and ends nothing that a killed deployer left."""
    live.write_toml(bake="60s")
    live.greet("Slowly")
    process = live.start("deploy", "--json")
    try:
        assert process.stdout
        next(line for line in process.stdout if "proved by" in line)
        before = [one["type"] for one in live.journal()]
        assert "is at work here (deploy): a deployment is refused until it ends" in at_work(live)
        process.kill()
        until(lambda: "a deployment would wait for it" in at_work(live))
        assert [one["type"] for one in live.journal()] == before
    finally:
        process.kill()
        process.communicate()
