"""The repository that holds the app: what a name means, which branch has it, what changed."""

from __future__ import annotations

import asyncio
import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from turnout.errors import GateRefused, UsageError
from turnout.model import Revision
from turnout.source.checkout import Checkout, check_out
from turnout.source.process import Answer, git

HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
REF = re.compile(r"(?!-)[^\s\x00-\x1f\x7f]+")
NOTED = 50
"""Commits that a note lists at most."""
REMOTE = 10.0
"""Seconds that the remote gets to say what it has."""


class Repository:
    """A git repository, with or without a working tree. `root` is the top folder, or the bare repository itself."""

    def __init__(self, root: Path, git_dir: Path, bare: bool = False) -> None:
        self.root, self.git_dir, self.bare = root, git_dir, bare

    @classmethod
    async def find(cls, cwd: Path) -> Repository:
        """The repository that `cwd` lies in. Raises UsageError with git's own reason when there is none."""
        answer = await git(["rev-parse", "--is-bare-repository", "--absolute-git-dir"], cwd)
        if answer.status:
            raise UsageError(
                f"{cwd} is not in a git repository",
                why=answer.err.splitlines(),
                remedy="change into the repository of the app, or `git init` and commit it",
            )
        bare, git_dir = answer.out.splitlines()
        if bare == "true":
            return cls(Path(git_dir), Path(git_dir), bare=True)
        top = await git(["rev-parse", "--show-toplevel"], cwd)
        if top.status:
            raise UsageError(f"{cwd} is inside a .git folder", remedy="change into the working tree")
        return cls(Path(top.out.rstrip("\n")), Path(git_dir))

    async def resolve(self, ref: str, source: str = ".") -> Revision:
        """The commit that `ref` names, else that `origin/REF` names (a CI clone often has no local branches).

        Raises UsageError when neither is known, or when the commit has no folder `source`.
        """
        if not REF.fullmatch(ref):
            raise UsageError(
                f"{ref!r} is not the name of a revision",
                remedy="name a branch, a tag or a commit, such as --ref main",
            )
        commit = await self._commit(ref) or await self._commit(f"refs/remotes/origin/{ref}")
        if commit is None:
            raise await self._unknown(ref)
        subject = await self._out("log", "-1", "--no-show-signature", "--format=%s", commit)
        return Revision(commit, await self._tree_of(commit, source, ref), subject.strip(), ref)

    async def on_branch(self, revision: Revision, branches: Sequence[str]) -> str | None:
        """The first branch that has the revision, by the name it was found under; None when none has it.

        Looks in `origin/B`, or in local `B` where there is no remote (DESIGN 3). Raises GateRefused when the
        clone is too shallow to tell, with the fetch to type.
        """
        prefix = await self._branches_of()
        missing = []
        for branch in branches:
            name = f"{prefix}{branch}"
            if await self._commit(name) is None:
                missing.append(branch)
            elif not (await self._git("merge-base", "--is-ancestor", revision.commit, name)).status:
                return name.removeprefix("refs/remotes/").removeprefix("refs/heads/")
        if await self._shallow():
            more = [f"git fetch origin +{name}:refs/remotes/origin/{name}" for name in missing]
            raise GateRefused(
                f"this clone is too shallow to tell whether {revision.short} is in {' or '.join(branches)}",
                why="only the newest commits were fetched",
                remedy=["git fetch --unshallow origin", *more],
            )
        return None

    async def is_dirty(self, source: str = ".") -> bool:
        """Whether the working tree differs from HEAD below `source`; never stops a deployment (DESIGN 7)."""
        if self.bare:
            return False
        return bool(await self._out("status", "--porcelain", "--", _path(source)))

    async def changes(self, old: str, new: str, source: str = ".") -> list[str]:
        """Subjects of the commits from `old` to `new` that touch `source`, newest first, NOTED at most.

        Empty when either is not in this clone: a note is never a reason to fail.
        """
        if not HASH.fullmatch(old) or not HASH.fullmatch(new):
            return []
        listing = ("log", "--no-show-signature", "--format=%s", f"-{NOTED}", f"{old}..{new}", "--")
        answer = await self._git(*listing, _path(source))
        return [] if answer.status else answer.out.splitlines()

    async def files_changed(self, old: str, new: str, source: str = ".") -> list[str] | None:
        """Paths below `source` that differ between two commits; None when either is not in this clone."""
        if not HASH.fullmatch(old) or not HASH.fullmatch(new):
            return None
        answer = await self._git("diff", "--name-only", "-z", "--no-ext-diff", old, new, "--", _path(source))
        return None if answer.status else [path for path in answer.out.split("\0") if path]

    async def comes_before(self, old: str, new: str) -> bool | None:
        """Whether `old` is an ancestor of `new`; None when either is not in this clone."""
        if not HASH.fullmatch(old) or not HASH.fullmatch(new):
            return None
        answer = await self._git("merge-base", "--is-ancestor", old, new)
        return {0: True, 1: False}.get(answer.status)

    async def behind(self, branches: Sequence[str]) -> bool:
        """Whether the remote has commits on these branches that are not here; only asks, fetches nothing.

        False, too, when there is no remote or it does not answer within REMOTE seconds.
        """
        remote = (await self._branches_of()).removeprefix("refs/").removeprefix("remotes/").strip("/")
        if remote == "heads":
            return False
        try:
            async with asyncio.timeout(REMOTE):
                answer = await self._git(
                    "ls-remote", "--heads", remote, *(f"refs/heads/{one}" for one in branches)
                )
        except TimeoutError:
            return False
        tips = [line.split("\t")[0] for line in answer.out.splitlines()] if not answer.status else []
        return any([await self._commit(tip) is None for tip in tips if HASH.fullmatch(tip)])

    async def files(self, old: str, new: str, source: str = ".") -> list[tuple[str, str]]:
        """Files below `source` that differ from `old` to `new`: `A`, `M` or `D`, and the path relative to it.

        Empty when either is not in this clone.
        """
        if not HASH.fullmatch(old) or not HASH.fullmatch(new):
            return []
        words = (
            "diff",
            "--no-renames",
            "--no-ext-diff",
            "--name-status",
            "-z",
            old,
            new,
            "--",
            _path(source),
        )
        answer = await self._git(*words)
        parts = answer.out.split("\0")[:-1] if not answer.status else []
        top = "" if source == "." else f"{source}/"
        return [(kind, name.removeprefix(top)) for kind, name in zip(parts[::2], parts[1::2], strict=True)]

    async def text(self, commit: str, path: str) -> str | None:
        """A file of a commit; None when either is not there."""
        answer = await self._git("cat-file", "blob", f"{commit}:{path}") if HASH.fullmatch(commit) else None
        return answer.out if answer and not answer.status else None

    async def ever(self, source: str = ".") -> list[str]:
        """Every path below `source` that any commit of this clone ever had, relative to it."""
        found = await self._out(
            "log", "--all", "--no-renames", "--format=", "--name-only", "-z", "--", _path(source)
        )
        top = "" if source == "." else f"{source}/"
        return sorted({name.removeprefix(top) for name in found.split("\0") if name})

    async def commit_times(self, commits: Sequence[str]) -> dict[str, float]:
        """When each was committed, in seconds since 1970; those that are not in this clone are left out."""
        known = [commit for commit in commits if HASH.fullmatch(commit) and await self._commit(commit)]
        if not known:
            return {}
        listing = ("log", "--no-walk=unsorted", "--no-show-signature", "--format=%H %ct", *known, "--")
        return {line.split()[0]: float(line.split()[1]) for line in (await self._out(*listing)).splitlines()}

    async def checkout(self, revision: Revision, folder: Path, source: str = ".") -> Checkout:
        """Write the whole tree of the revision into `folder`, which must be empty or missing (see checkout.py)."""
        return await check_out(self.git_dir, revision, folder, source)

    async def _branches_of(self) -> str:
        """Where branches count: the remote's, or local ones (no remote, or a bare repository, which is one itself)."""
        remotes = (await self._out("remote")).split()
        if self.bare or not remotes:
            return "refs/heads/"
        return f"refs/remotes/{'origin' if 'origin' in remotes else remotes[0]}/"

    async def _shallow(self) -> bool:
        return (await self._out("rev-parse", "--is-shallow-repository")).strip() == "true"

    async def _commit(self, name: str) -> str | None:
        answer = await self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        found = answer.out.strip()
        return found if not answer.status and HASH.fullmatch(found) else None

    async def _tree_of(self, commit: str, source: str, ref: str) -> str:
        if source == ".":
            return (await self._out("rev-parse", "--verify", f"{commit}^{{tree}}")).strip()
        found = await self._out("ls-tree", "-z", "--full-tree", commit, "--", source)
        for line in found.split("\0"):
            entry, _, path = line.partition("\t")
            if path == source and entry.split()[1] == "tree":
                return entry.split()[2]
        folders = await self._out("ls-tree", "-z", "--full-tree", "-d", "-r", "--name-only", commit)
        near = difflib.get_close_matches(source, folders.split("\0"), n=3)
        raise UsageError(
            f"{ref} ({commit[:10]}) has no folder {source!r}",
            why=[f"`source` in turnout.toml says {source!r}"],
            remedy=[f'source = "{name}"' for name in near]
            or "set `source` to the folder of the app's package.json, and commit it",
        )

    async def _unknown(self, ref: str) -> UsageError:
        if await self._commit("HEAD") is None and ref == "HEAD":
            return UsageError("this repository has no commit yet", remedy="git add -A && git commit")
        names = await self._out("for-each-ref", "--format=%(refname:short)")
        near = difflib.get_close_matches(ref, names.split(), n=3)
        why = (
            f"did you mean {' or '.join(near)}?"
            if near
            else "it is no commit, tag or branch, here or in origin"
        )
        fetch = "git fetch --unshallow origin" if await self._shallow() else "git fetch origin"
        return UsageError(f"unknown revision {ref!r}", why=why, remedy=fetch)

    async def _git(self, *args: str) -> Answer:
        # outside of the working tree git would look for another repository, so both are named
        places = ["--git-dir", os.fspath(self.git_dir)]
        if not self.bare:
            places += ["--work-tree", os.fspath(self.root)]
        return await git([*places, *args], self.root)

    async def _out(self, *args: str) -> str:
        answer = await self._git(*args)
        if answer.status:
            raise UsageError(f"git {args[0]} failed in {self.root}", why=answer.err.splitlines())
        return answer.out


def _path(source: str) -> str:
    return ":(top)" if source == "." else f":(top,literal){source}"
