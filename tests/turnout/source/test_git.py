from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.support.processes import gone
from turnout.errors import GateRefused, UsageError
from turnout.source.git import Repository


@pytest.fixture
def app(repo):
    repo.write("backend/package.json", "{}\n")
    repo.write("README.md")
    repo.first = repo.commit("one")
    return repo


async def test_is_found_from_a_folder_below(app):
    """The repository is found from any folder in it, and knows its top."""
    found = await Repository.find(app.root / "backend")
    assert found.root == app.root
    assert not found.bare


async def test_no_repository_is_the_users_error(tmp_path):
    """A folder outside of any repository is refused with git's own reason."""
    with pytest.raises(UsageError, match="not in a git repository"):
        await Repository.find(tmp_path)


async def test_git_variables_do_not_lead_elsewhere(app, tmp_path, monkeypatch):
    """A GIT_DIR left by a hook does not make another repository of this one."""
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("GIT_DIR", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    revision = await (await Repository.find(app.root)).resolve("HEAD", "backend")
    assert revision.commit == app.first


async def test_a_revision_knows_the_tree_of_the_apps_folder(app):
    """The tree is that of `source`, the subject that of the commit."""
    repository = await Repository.find(app.root)
    revision = await repository.resolve("main", "backend")
    assert (revision.commit, revision.subject, revision.ref) == (app.first, "one", "main")
    assert revision.tree == app.git("rev-parse", "HEAD:backend")
    assert (await repository.resolve("HEAD")).tree == app.git("rev-parse", "HEAD^{tree}")


@pytest.mark.parametrize("ref", ["", "-oProxyCommand=x", "--all", "a b", "a\nb", "a\0b"])
async def test_what_is_no_name_is_refused_before_git_sees_it(app, ref):
    """Options and control characters never reach git as a revision."""
    with pytest.raises(UsageError, match="not the name of a revision"):
        await (await Repository.find(app.root)).resolve(ref)


async def test_an_unknown_name_gets_a_suggestion(app):
    """A mistyped branch is answered with the nearest ones."""
    app.git("branch", "production")
    with pytest.raises(UsageError, match="unknown revision") as refused:
        await (await Repository.find(app.root)).resolve("producton")
    assert "production" in refused.value.why[0]


async def test_a_repository_without_a_commit_says_so(repo):
    """A fresh repository is told to commit."""
    with pytest.raises(UsageError, match="no commit yet"):
        await (await Repository.find(repo.root)).resolve("HEAD")


@pytest.mark.parametrize("source", ["bakend", "README.md", "backend/package.json"])
async def test_a_missing_source_folder_is_the_users_error(app, source):
    """A `source` that is missing, or a file, is refused, with the nearest folder."""
    with pytest.raises(UsageError, match="has no folder") as refused:
        await (await Repository.find(app.root)).resolve("HEAD", source)
    if source == "bakend":
        assert refused.value.remedy == ['source = "backend"']


async def test_a_branch_that_only_origin_has_is_found(app, tmp_path):
    """A CI clone with a detached HEAD knows `main` by its remote's name only."""
    clone = _clone(app, tmp_path)
    clone.git("checkout", "-q", "--detach")
    clone.git("branch", "-q", "-D", "main")
    assert (await (await Repository.find(clone.root)).resolve("main")).commit == app.first


async def test_without_a_remote_local_branches_count(app):
    """The name that it was found under is given back."""
    repository = await Repository.find(app.root)
    revision = await repository.resolve("HEAD")
    assert await repository.on_branch(revision, ["production", "main"]) == "main"
    assert await repository.on_branch(revision, ["production"]) is None


async def test_with_a_remote_a_local_commit_does_not_count(app, tmp_path):
    """A commit that was not pushed is on no branch; once it is pushed, on origin's; HEAD may be detached."""
    app.git("config", "receive.denyCurrentBranch", "ignore")
    clone = _clone(app, tmp_path)
    clone.git("checkout", "-q", "--detach")
    clone.write("backend/new.ts")
    clone.commit("two")
    repository = await Repository.find(clone.root)
    revision = await repository.resolve("HEAD", "backend")
    assert await repository.on_branch(revision, ["main"]) is None
    clone.git("push", "-q", "origin", "HEAD:main")
    assert await repository.on_branch(revision, ["main"]) == "origin/main"


async def test_a_bare_repository_counts_its_own_branches(app, tmp_path):
    """A bare clone has the branches itself; nothing in it is dirty."""
    app.git("clone", "-q", "--bare", str(app.root), str(tmp_path / "bare"))
    repository = await Repository.find(tmp_path / "bare")
    revision = await repository.resolve("main", "backend")
    assert await repository.on_branch(revision, ["main"]) == "main"
    assert not await repository.is_dirty()


async def test_a_clone_too_shallow_to_tell_is_refused_with_the_fetch(app, tmp_path):
    """Where history is missing the answer is neither yes nor no."""
    old = app.first
    app.write("backend/new.ts")
    app.commit("two")
    clone = _clone(app, tmp_path, "--depth", "1", "--no-single-branch")
    clone.git("fetch", "-q", "--depth", "1", "origin", old)
    repository = await Repository.find(clone.root)
    with pytest.raises(GateRefused) as refused:
        await repository.on_branch(await repository.resolve(old), ["main", "production"])
    assert refused.value.remedy[0] == "git fetch --unshallow origin"
    assert "refs/remotes/origin/production" in refused.value.remedy[1]
    assert await repository.on_branch(await repository.resolve("HEAD"), ["main"]) == "origin/main"


async def test_dirty_means_below_the_apps_folder(app):
    """Edits count where the app lives; looking leaves the user's index as it is."""
    repository = await Repository.find(app.root)
    index = app.root / ".git/index"
    assert not await repository.is_dirty()
    app.write("README.md", "edited\n")
    os.utime(app.root / "backend/package.json", (1, 1))  # what `git status` would note in the index
    before = index.read_bytes()
    assert await repository.is_dirty()
    assert not await repository.is_dirty("backend")
    app.write("backend/new.ts")
    assert await repository.is_dirty("backend")
    assert index.read_bytes() == before


async def test_changes_are_the_subjects_that_touch_the_app(app):
    """Only commits below `source` are told, newest first; an unknown commit gives none."""
    app.write("README.md", "other\n")
    app.commit("docs")
    for subject in ("two", "three"):
        app.write("backend/new.ts", subject)
        last = app.commit(subject)
    repository = await Repository.find(app.root)
    assert await repository.changes(app.first, last, "backend") == ["three", "two"]
    assert await repository.changes(app.first, last) == ["three", "two", "docs"]
    assert await repository.changes("0" * 40, last) == []
    assert await repository.changes(f"--output={app.root}/x", last) == []
    assert [path.name for path in app.root.iterdir() if path.name.startswith("x")] == []


async def test_a_missing_git_says_so(app, monkeypatch):
    """Without git there is a remedy, not a traceback."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Exception, match="git is not installed"):
        await Repository.find(app.root)


def _clone(app, tmp_path: Path, *options: str):
    app.git("clone", "-q", *options, f"file://{app.root}", str(tmp_path / "clone"))
    return type(app)(tmp_path / "clone")


async def test_times_of_commits_and_none_of_those_that_are_not_here(app):
    """Seconds since 1970; another hash, or what is none, is left out."""
    repository = await Repository.find(app.root)
    second = app.commit("two")

    found = await repository.commit_times([app.first, second, "0" * 40, "--all", ""])

    assert found == {
        commit: float(app.git("show", "-s", "--format=%ct", commit)) for commit in (app.first, second)
    }
    assert await repository.commit_times([]) == {}


async def test_a_remote_that_does_not_answer_is_left_alone(app, tmp_path, monkeypatch):
    """Within the limit; git's ssh ends with it, and has no terminal that it could ask for a password."""
    clone = _clone(app, tmp_path)
    clone.git("remote", "set-url", "origin", "ssh://nobody@127.0.0.1/x")
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f"#!/bin/sh\n(: < /dev/tty) 2> /dev/null && touch {tmp_path}/terminal\necho $$ > {tmp_path}/pid\n"
        f"exec cat {tmp_path}/never\n"
    )
    ssh.chmod(0o755)
    os.mkfifo(tmp_path / "never")
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    monkeypatch.setattr("turnout.source.git.REMOTE", 1.0)

    assert await (await Repository.find(clone.root)).behind(["main"]) is False

    async with asyncio.timeout(10):
        await gone(int((tmp_path / "pid").read_text()))
    assert not (tmp_path / "terminal").exists()
