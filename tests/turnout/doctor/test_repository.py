from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.turnout.doctor.app import git, write
from turnout.config.schema import Config, Environment
from turnout.doctor import repository
from turnout.doctor.finding import Finding


async def look(folder: Path, branches: Sequence[str] = ("main",)) -> dict[str, Finding]:
    environment = Environment(name="production", path="/srv/api", branches=tuple(branches))
    config = Config(
        app="api", source="backend", environments={"production": environment}, file=folder / "turnout.toml"
    )
    found, _, _ = await repository.look(config, environment)
    return {finding.check: finding for finding in found}


@pytest.mark.parametrize(
    "remote,there,absent",
    [
        (None, ["main"], ["production"]),
        ("origin", ["production"], ["main"]),
        ("upstream", [], ["main", "production"]),
    ],
)
def test_branches_count_in_the_remote_where_there_is_one(
    remote: str | None, there: list[str], absent: list[str]
) -> None:
    """As the gate counts them."""
    refs = ["refs/heads/main", "refs/remotes/origin/production"]
    assert repository.branches(refs, remote, ["main", "production"]) == (there, absent)


async def test_a_revision_on_its_branch_is_well(repo: Path) -> None:
    """Without a remote, local branches count."""
    found = await look(repo)
    assert [finding.level for finding in found.values()] == ["ok", "ok"]
    assert found["branch"].message.endswith("is on main")


async def test_what_is_not_committed_is_said(repo: Path) -> None:
    """It never stops a deployment, but people forget it."""
    write(repo, {"backend/new.ts": "x"})
    revision = (await look(repo))["revision"]
    assert (revision.level, "not committed" in revision.message) == ("ok", True)


async def test_a_revision_that_was_not_pushed_may_not_go_yet(repo: Path, tmp_path: Path) -> None:
    """A warning with the push to type: another revision may be deployed all the same."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repo), str(clone))
    assert (await look(clone))["branch"].message.endswith("is on origin/main")
    git(clone, "commit", "-q", "--allow-empty", "-m", "more")
    branch = (await look(clone))["branch"]
    assert (branch.level, branch.remedy[0]) == ("warning", "git push")


async def test_a_clone_that_is_too_shallow_to_tell_says_so(repo: Path, tmp_path: Path) -> None:
    """As CI makes them; the fetch is the remedy."""
    git(repo, "checkout", "-q", "-b", "feature")
    git(repo, "commit", "-q", "--allow-empty", "-m", "more")
    git(repo, "branch", "-f", "main", "feature")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", f"file://{repo}", str(clone))
    git(clone, "checkout", "-q", "feature")
    git(clone, "commit", "-q", "--allow-empty", "-m", "here")
    branch = (await look(clone))["branch"]
    assert (branch.level, branch.remedy[0]) == ("warning", "git fetch --unshallow origin")


async def test_branches_that_do_not_exist_are_a_problem(repo: Path) -> None:
    """The gate would refuse everything."""
    branch = (await look(repo, ["release", "live"]))["branch"]
    assert (branch.level, branch.message) == ("problem", "there is no branch release or live here")


async def test_a_folder_that_the_revision_lacks_is_a_problem(repo: Path) -> None:
    """`source` is checked where it counts: in the revision."""
    git(repo, "mv", "backend", "server")
    git(repo, "commit", "-q", "-m", "moved")
    found = await look(repo)
    assert [(name, finding.level) for name, finding in found.items()] == [("revision", "problem")]


async def test_no_repository_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With git's own reason."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert [(name, finding.exit_code) for name, finding in (await look(tmp_path)).items()] == [
        ("repository", 2)
    ]
