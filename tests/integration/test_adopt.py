"""A host that the old workflow deployed becomes Turnout's, while it serves: nothing is deleted, no request fails."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.left import nothing_left, ours
from tests.support.legacy import Legacy
from tests.support.site import NAME, until
from tests.support.told import told
from turnout.cli.demo.traffic import TrafficThread

pytestmark = pytest.mark.integration
PATHS = ("/health", "/", "/videos")
SHARED = '[release]\nshared = ["logs", "prisma/dev.db"]'


@pytest.fixture(scope="module")
def built() -> Iterator[Legacy]:
    """Deployed twice by the old workflow; Turnout was never there."""
    made = Legacy()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def old(built: Legacy) -> Iterator[Legacy]:
    """As the old workflow left it, whatever the test before did."""
    built.write_toml(more=SHARED)
    yield built
    built.old_again()


@contextlib.contextmanager
def users(site: Legacy) -> Iterator[list[str]]:
    """Readers and one writer all the time; afterwards none failed, and every video that was taken is there."""
    written: list[str] = []
    failed: list[str] = []
    ending = threading.Event()

    def write() -> None:
        number = 0
        while not ending.wait(0.02):
            number += 1
            title = f"{os.urandom(4).hex()}-{number}"
            try:
                (written if site.add_video(title) else failed).append(title)
            except OSError as error:
                failed.append(f"{title}: {error}")

    writer = threading.Thread(target=write)
    with TrafficThread(site.port, PATHS, keep_alive=6, fresh=6) as traffic:
        writer.start()
        try:
            yield written
        finally:
            ending.set()
            writer.join()
        figures = traffic.stop()
    print(
        f"\n{figures.ok:,} answered, {figures.failed} failed; {len(written)} videos written, {len(failed)} not"
    )
    assert (figures.failed, dict(figures.reasons), failed) == (0, {}, [])
    assert written
    assert set(written) <= site.videos()


def tree(folder: Path) -> set[str]:
    """All paths below a folder, links not followed, without node_modules and the database's side files."""
    return {
        str(one.relative_to(folder))
        for one in folder.rglob("*")
        if "node_modules" not in one.parts and not one.name.startswith("dev.db-")
    }


def test_a_deploy_to_such_a_host_says_what_to_type(old: Legacy) -> None:
    """Refused with 23 before anything is sent; the folder, the processes and the backups are as they were."""
    before, pids = tree(old.path / "current"), {process.pid for process in old.processes()}

    (seen,) = old.turnout("plan", "--json", check=3).json["hosts"]
    assert (seen["adoption"]["release"], seen["release"], seen["rollback"]["release"]) == ("v1", "v2", "v1")
    block = told(old.deploy(check=23), 23, "refused")

    assert "real folder" in block.text
    assert any("turnout host adopt production" in line for line in block.do)
    assert tree(old.path / "current") == before
    assert {process.pid for process in old.processes()} == pids


def test_files_that_no_release_would_have_are_named(old: Legacy) -> None:
    """A SQLite file and uploads inside current/: 23 with both ways out, and nothing is moved."""
    old.write_toml()
    uploads = old.path / "current/uploads"
    uploads.mkdir()
    (uploads / "cat.png").write_bytes(b"cat")

    block = told(old.turnout("host", "adopt", "--yes", "--json"), 23, "refused")

    assert "prisma/dev.db, uploads/" in block.text
    assert any('shared = ["logs", "prisma/dev.db", "uploads"]' in line for line in block.do)
    assert any('adopt_ignore = ["prisma/dev.db", "uploads"]' in line for line in block.do)
    assert (old.path / "current").is_dir()
    assert not (old.path / "current").is_symlink()
    assert list(old.layout.releases.iterdir()) == []
    (uploads / "cat.png").unlink()
    uploads.rmdir()


def test_without_an_answer_nothing_is_adopted(old: Legacy) -> None:
    """What would happen is shown; where nobody can agree, it asks for --yes and does nothing."""
    run = old.turnout("host", "adopt", check=2)

    assert "becomes v1" in run.err
    assert "shared/prisma/dev.db" in run.err
    assert "1 real backup: kept, never pruned" in run.err
    assert "--yes" in run.err

    refused = old.answered("n", "host", "adopt")

    assert (refused.code, "not adopted" in refused.err) == (130, True), refused
    assert not (old.path / "current").is_symlink()
    assert old.journal() == []


def test_adopted_deployed_and_back_while_people_read_and_write(old: Legacy) -> None:
    """v1 is what ran, then the first real release, then v1 again; no request fails and no row is lost."""
    current, backups = (
        old.path / "current",
        {name: tree(old.path / "backups" / name) for name in old.backups()},
    )
    before = tree(current)
    with users(old):
        run = old.answered("y", "host", "adopt")
        print(f"\n{run.err}")
        assert (run.code, "v1 is live" in run.err) == (0, True), run
        assert old.works() == {str(old.path / "releases/v1")}
        assert before <= tree(old.path / "releases/v1") | {f"logs/{name}" for name in ("out.log", "err.log")}
        assert (old.path / "shared/.env").stat().st_mode & 0o777 == 0o600
        assert old.status()["needs_a_look"] == []
        nothing_left(old)

        end = old.deploy().finished
        assert (end["result"], end["release"], end["previous"]) == ("succeeded", "v2", "v1")
        assert old.serving() == {"v2"}

        end = old.rollback().finished
        assert (end["result"], end["release"], end["previous"]) == ("succeeded", "v1", "v2")
        assert old.works() == {str(old.path / "releases/v1")}
    assert (old.path / "shared/prisma/dev.db").is_file()
    assert not [one for one in old.layout.releases.rglob("dev.db*") if not one.is_symlink()]
    assert {name: tree(old.path / "backups" / name) for name in old.backups()} == backups
    assert old.status()["needs_a_look"] == []
    assert old.turnout("host", "adopt", "--yes", "--json", check=0).finished["result"] == "unchanged"


MOMENTS = ["adoption.asked", "adoption.moved"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_the_same_command_goes_on(old: Legacy, moment: str) -> None:
    """Deployer and host program die; the app serves on, a deploy says what to type, the same command ends well."""
    with users(old):
        process = old.start("host", "adopt", "--yes", "--json")
        try:
            until(lambda: any(entry["type"] == moment for entry in old.journal()))
            for pid in [process.pid, *ours(old)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        finally:
            process.kill()
            process.communicate()
        assert old.answers()
        assert "host adopt production" in old.deploy(check=23).err

        end = old.turnout("host", "adopt", "--yes", "--json", check=0).finished

        assert (end["result"], end["release"]) == ("succeeded", "v1")
        assert old.works() == {str(old.path / "releases/v1")}
    nothing_left(old)


def test_processes_that_work_in_a_backup_are_led_to_what_was_deployed(old: Legacy) -> None:
    """PM2 was started from a backup by hand and keeps its path: adopting replaces it, worker by worker."""
    backup = old.path / "backups" / old.backups()[-1]
    old.hand(
        f"pm2 delete {NAME} < /dev/null; cd {backup}; cp ../../current/prisma/dev.db prisma/; "
        "pm2 start ecosystem.config.js --env production < /dev/null"
    )
    until(old.answers)
    assert old.works() == {str(backup)}

    with TrafficThread(old.port, ("/health", "/"), keep_alive=6, fresh=6) as traffic:
        run = old.turnout("host", "adopt", "--yes", "--json", check=0)

    assert (traffic.mark().failed, dict(traffic.mark().reasons)) == (0, {}), run
    assert old.works() == {str(old.path / "releases/v1")}
    assert backup.is_dir()


def test_where_no_data_moves_no_process_is_touched(old: Legacy) -> None:
    """With the database elsewhere, the very same processes serve on, with the same pids, and are proved."""
    dotenv, database = old.path / "current/.env", old.root / "data/videos.db"
    text = dotenv.read_text()
    dotenv.write_text(text.replace("file:./prisma/dev.db", f"file:{database}"))
    old.hand(
        f"cd {old.path}/current; mv prisma/dev.db {database}; rm -f prisma/dev.db-*; pm2 reload {NAME} < /dev/null"
    )
    until(old.answers)
    pids = {process.pid for process in old.processes()}
    try:
        with users(old):
            run = old.turnout("host", "adopt", "--yes", "--json", check=0)

        assert {process.pid for process in old.processes()} == pids, run
        assert "untouched" in run.step("verify")["detail"]
    finally:
        dotenv.write_text(text)
        (old.path / "current/prisma/dev.db").write_bytes(database.read_bytes())
