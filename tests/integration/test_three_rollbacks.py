"""The ways back of the spec: a revert commit, the app's script (by hand: test_hand_drill.py), and what is foretold."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.site import Site

pytestmark = pytest.mark.integration
LITTLE = 10_000
"""Bytes of questions and answers; anything of a release would be more."""
NO_BUILD = """#!/bin/sh
echo "$0 $*" >> {log}
exit 9
"""
ADDS = "20270101000000_count_likes"
RENAMES = "20270102000000_rename_views"
MIGRATIONS = {
    ADDS: 'ALTER TABLE "Video" ADD COLUMN "likes" INTEGER NOT NULL DEFAULT 0;\n',
    RENAMES: 'ALTER TABLE "Video" RENAME COLUMN "views" TO "seen";\n',
}


def migrate(site: Site, name: str) -> None:
    """Commit one of MIGRATIONS."""
    site.commit({f"backend/prisma/migrations/{name}/migration.sql": MIGRATIONS[name]}, name)


def foretold(run: object) -> dict[str, object]:
    """What was said before the switch."""
    (event,) = [event for event in run.events if event["type"] == "rollback.foretold"]  # type: ignore[attr-defined]
    return dict(event)


def programs_that_must_not_run(folder: Path) -> Path:
    """A folder whose npm and npx write down that they were called, and fail."""
    folder.mkdir()
    for name in ("npm", "npx"):
        (folder / name).write_text(NO_BUILD.format(log=folder / "called"))
        (folder / name).chmod(0o755)
    return folder


def test_a_revert_commit_is_deployed_without_a_build_and_without_sending_code(live: Site) -> None:
    """On a new machine with an empty cache: the host has the artifact of that tree, whole and checked."""
    live.greet("Two")
    live.deploy()
    live.git("revert", "--no-edit", "HEAD")
    bin_folder = programs_that_must_not_run(live.root / "no-build")

    run = live.deploy(
        TURNOUT_CACHE=str(live.root / "empty-cache"),
        PATH=f"{bin_folder}:{Path(os.sys.executable).parent}:{os.environ['PATH']}",  # type: ignore[attr-defined]
    )

    end = run.finished
    assert (end["result"], end["release"], end["previous"]) == ("succeeded", "v3", "v2")
    assert run.step("build")["status"] == "reused"
    assert "v1" in run.step("build")["detail"]
    assert run.step("upload")["status"] == "reused"
    assert end["bytes_sent"] < LITTLE
    assert not (bin_folder / "called").exists()
    assert live.answer("/").body == {"greeting": "Welcome to Blue Video"}
    assert live.serving() == {"v3"}
    records = {one["release"]: one for one in live.status()["releases"]}
    assert records["v3"]["artifact"] == records["v1"]["artifact"]


def test_contents_that_are_hurt_on_the_host_are_built_again(live: Site) -> None:
    """Whole and checked means both: an edit in the store is found, and the build runs after all."""
    live.greet("Hurt")
    live.deploy()
    live.git("revert", "--no-edit", "HEAD")
    (greeting,) = (live.path / "releases/v3/dist/config").glob("greeting.js")
    text = greeting.read_text()
    greeting.chmod(0o644)
    greeting.write_text(text.replace("Welcome", "Wellcome"))

    run = live.deploy()

    assert (
        run.step("build")["detail"] == "the same inputs were built before"
    )  # by this machine, into its cache
    assert run.step("upload")["status"] == "done"
    assert live.answer("/").body == {"greeting": "Welcome to Blue Video"}


def test_the_apps_script_goes_back(live: Site) -> None:
    """`VPS_HOST=… ./backend/deploy.sh rollback`, with the script that init writes, by dash."""
    live.turnout("init", "--deploy-sh", check=0)
    before = live.current()
    environment = live._turnout.env | {"VPS_HOST": "127.0.0.1"}

    done = subprocess.run(
        ["dash", "./backend/deploy.sh", "rollback", "--json"],
        cwd=live.repo,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert '"127.0.0.1' in done.stdout or "from VPS_HOST" in done.stdout
    assert live.current() != before
    assert live.serving() == {live.current()}


def test_what_does_not_come_back_is_said_before_the_switch(live: Site) -> None:
    """Migrations with what they do, the keys of the dotenv that differ, and how to undo it."""
    live.git("rm", "-q", "--cached", "--ignore-unmatch", "backend/deploy.sh")
    migrate(live, ADDS)
    live.write_dotenv(LOG_LEVEL="debug")
    live.deploy()
    now = live.current()

    run = live.rollback()

    said = foretold(run)
    assert said["migrations"] == [
        {"name": ADDS, "only_adds": True, "what": f"{ADDS}: only adds (add column Video.likes)"}
    ]
    assert said["dotenv"] == ["LOG_LEVEL"]
    assert said["broken"] == []
    assert any(f"turnout rollback production {now}" in line for line in said["lines"])  # type: ignore[attr-defined]
    assert said["seq"] < min(event["seq"] for event in run.events if event.get("step") == "activate")
    assert 'LOG_LEVEL="info"' in (live.path / "current/.env").read_text()
    live.rollback(now)


def test_keep_env_runs_the_earlier_code_with_todays_dotenv(live: Site) -> None:
    """It becomes a new release, proved like any other; the next rollback goes on from the one that it stands for."""
    now = live.current()
    below = live.rollback().finished["release"]
    live.rollback(now)

    end = live.rollback("--keep-env").finished

    assert end["result"] == "succeeded"
    assert end["release"] not in {now, below}
    assert 'LOG_LEVEL="debug"' in (live.path / "current/.env").read_text()
    assert live.serving() == {end["release"]}
    records = {one["release"]: one for one in live.status()["releases"]}
    assert records[end["release"]]["artifact"] == records[below]["artifact"]
    staged = [one for one in live.journal() if one["type"] == "release.staged"][-1]
    assert (staged["release"], staged["back_to"]) == (end["release"], below)
    assert int(live.rollback().finished["release"][1:]) < int(below[1:])


def test_older_code_that_would_break_is_refused_unless_forced_with_a_reason(live: Site) -> None:
    """A migration renamed a column that the older schema names: 10, nothing is touched; forced, it is journalled."""
    migrate(live, RENAMES)
    live.change(
        "prisma/schema.prisma",
        "views     Int      @default(0)",
        'views     Int      @default(0) @map("seen")',
        "seen",
    )
    live.deploy("--allow-breaking")
    now = live.current()

    refused = live.rollback(check=10)

    assert refused.finished["result"] == "refused"
    assert any("rename column Video.views to seen" in line for line in refused.finished["error"]["why"])
    assert live.current() == now
    assert live.serving() == {now}
    assert live.rollback("--force", check=2).code == 2

    forced = live.rollback("--force", "--reason", "the new one loses money").finished

    assert forced["result"] == "succeeded"
    asked = [one for one in live.journal() if one["type"] == "activation.asked"][-1]
    assert asked["because"]["reason"] == "the new one loses money"
    assert "Video.views" in asked["because"]["over"][0]
    assert asked["by"]
