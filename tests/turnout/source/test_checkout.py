from __future__ import annotations

import os
from pathlib import Path

import pytest

from turnout.errors import BuildError
from turnout.source import checkout
from turnout.source.git import Repository

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"


async def _check_out(repo, folder, source=".", ref="HEAD"):
    repository = await Repository.find(repo.root)
    return await repository.checkout(await repository.resolve(ref, source), folder, source)


async def test_the_exact_revision_and_not_the_working_tree(repo, tmp_path):
    """Files, modes and links are those of the revision, whatever the working tree looks like."""
    repo.write("backend/run.sh").chmod(0o755)
    repo.write("backend/ü b.txt", "a\r\nb\n")
    (repo.root / "backend/link").symlink_to("run.sh")
    repo.write("shared.json")
    repo.commit("one")
    repo.write("backend/run.sh", "edited\n")
    repo.write("backend/new.txt")
    (repo.root / "shared.json").unlink()

    made = await _check_out(repo, tmp_path / "tree", "backend")

    assert made.source == tmp_path / "tree/backend"
    assert made.tree == repo.git("rev-parse", "HEAD^{tree}")
    assert sorted(path.name for path in made.source.iterdir()) == ["link", "run.sh", "ü b.txt"]
    assert (made.source / "run.sh").read_text() == "x\n"
    assert os.access(made.source / "run.sh", os.X_OK)
    assert (made.source / "ü b.txt").read_bytes() == b"a\r\nb\n"
    assert (made.source / "link").readlink() == Path("run.sh")
    assert (made.root / "shared.json").exists()


async def test_nothing_of_the_users_is_touched(repo, tmp_path):
    """Index, branches, worktrees and hooks stay as they are; sparse checkout and line endings do not matter."""
    repo.write("backend/a.txt")
    repo.write("other/b.txt")
    repo.commit("one")
    for setting in ("core.autocrlf=true", "core.splitIndex=true", "core.sparseCheckout=true"):
        repo.git("config", *setting.split("="))
    repo.write(".git/info/sparse-checkout", "/backend/\n")
    hook = repo.write(".git/hooks/post-index-change", "#!/bin/sh\ntouch hook-ran\n")
    hook.chmod(0o755)
    before = {path: path.stat().st_mtime_ns for path in repo.root.rglob("*") if path.is_file()}

    made = await _check_out(repo, tmp_path / "tree")

    assert {path: path.stat().st_mtime_ns for path in repo.root.rglob("*") if path.is_file()} == before
    assert not (made.root / "hook-ran").exists()
    assert (made.root / "other/b.txt").read_bytes() == b"x\n"


@pytest.mark.parametrize("kind", ["worktree", "bare"])
async def test_worktrees_and_bare_repositories_work_too(repo, tmp_path, kind):
    """A linked worktree and a bare clone check out like any other."""
    repo.write("a.txt")
    repo.commit("one")
    other = type(repo)(tmp_path / "other")
    if kind == "worktree":
        repo.git("worktree", "add", "-q", "--detach", str(other.root))
    else:
        repo.git("clone", "-q", "--bare", str(repo.root), str(other.root))
    made = await _check_out(other, tmp_path / "tree")
    assert [path.name for path in made.root.iterdir()] == ["a.txt"]


async def test_a_folder_with_something_in_it_is_refused(repo, tmp_path):
    """A clean tree starts clean."""
    repo.commit("one")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/left").touch()
    with pytest.raises(BuildError, match="not empty"):
        await _check_out(repo, tmp_path / "tree")


async def test_lfs_pointers_are_refused_only_in_the_app(repo, tmp_path):
    """A pointer instead of contents would be shipped as the file; elsewhere it does not matter."""
    repo.write("backend/package.json")
    repo.write("design/film.mp4", POINTER)
    repo.commit("one")
    await _check_out(repo, tmp_path / "fine", "backend")
    repo.write("backend/model.bin", POINTER)
    repo.commit("two")
    with pytest.raises(BuildError, match=r"backend/model\.bin: only a Git LFS pointer"):
        await _check_out(repo, tmp_path / "tree", "backend")


async def test_submodules_are_refused_only_in_the_app(repo, tmp_path):
    """Their contents are not in this repository."""
    other = type(repo)(tmp_path / "other")
    other.git("init", "-q", "-b", "main")
    other.commit("one")
    repo.write("backend/package.json")
    repo.git("submodule", "--quiet", "add", str(other.root), "docs")
    repo.commit("one")
    await _check_out(repo, tmp_path / "fine", "backend")
    repo.git("submodule", "--quiet", "add", str(other.root), "backend/lib")
    repo.commit("two")
    with pytest.raises(BuildError, match="backend/lib: submodules"):
        await _check_out(repo, tmp_path / "tree", "backend")


async def test_gits_own_reason_is_told(repo, tmp_path):
    """A required filter that fails stops the checkout, with what git says."""
    repo.write(".gitattributes", "*.bin filter=broken\n")
    repo.write("a.bin")
    repo.commit("one")
    repo.git("config", "filter.broken.smudge", "false")
    repo.git("config", "filter.broken.required", "true")
    with pytest.raises(BuildError, match="could not check out") as failed:
        await _check_out(repo, tmp_path / "tree")
    assert "a.bin" in "\n".join(failed.value.why)


async def test_all_that_a_checkout_makes_is_in_its_folder(repo, tmp_path, monkeypatch):
    """It goes with that folder when we are killed half-way; afterwards only the revision's files are there."""
    repo.write("a.txt")
    repo.commit("one")
    indexes, git = set(), checkout.git

    async def watched(args, folder, **env):
        indexes.add(Path(env["GIT_INDEX_FILE"]).parent)
        return await git(args, folder, **env)

    monkeypatch.setattr(checkout, "git", watched)
    made = await _check_out(repo, tmp_path / "tree")
    assert indexes == {made.root}
    assert [path.name for path in made.root.iterdir()] == ["a.txt"]
