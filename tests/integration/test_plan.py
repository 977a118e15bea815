"""`turnout plan` and `turnout package` on the real thing: what would happen, and that nothing did."""

from __future__ import annotations

import tarfile
from typing import Any

import pytest

from tests.support.site import API_KEY, Site

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
    assert abs(sent - seen["bytes_to_send"]) < 0.02 * sent


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
    assert "v1 does not know: drop column Video.url" in screen
    assert "MAIL_HOST" in screen


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
