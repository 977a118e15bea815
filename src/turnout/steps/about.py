"""Not a step: tells which revision a deployment is about, and which commits come or go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.errors import TurnoutError
from turnout.source.git import HASH, NOTED, Repository
from turnout.source.process import git

if TYPE_CHECKING:
    from turnout.steps.work import Target, Work

Commits = list[dict[str, str]]


def revision(work: Work, commit: str, subject: str) -> None:
    """Tell it as soon as it is known."""
    work.bus.emit("deployment.revision", revision=commit, subject=subject)


async def release(work: Work, host: Target) -> None:
    """Tell the revision of the release that is gone back to, once: all hosts have the same."""
    record = host.record(host.release)
    if host is work.targets[0] and HASH.fullmatch(str(record.get("revision") or "")):
        revision(work, record["revision"], str(record.get("subject") or ""))
        await changes(work, record["revision"])


async def changes(work: Work, new: str) -> None:
    """Tell the commits between what the first host runs and `new`; a clone that lacks them has nothing to tell."""
    host = work.targets[0]
    old = str(host.record(host.running).get("revision") or "")
    try:
        repository = work.repository or await Repository.find(work.config.file.parent)
        come, go = await commits(repository, old, new, work), await commits(repository, new, old, work)
    except TurnoutError:
        come, go = [], []
    work.bus.emit("deployment.changes", previous_revision=old or None, commits=come, taken_back=go)


async def commits(repository: Repository, old: str, new: str, work: Work) -> Commits:
    """Commits below the app's folder from `old` to `new`, newest first."""
    if not HASH.fullmatch(old) or not HASH.fullmatch(new):
        return []
    path = ":(top)" if work.config.source == "." else f":(top,literal){work.config.source}"
    words = ["log", "--no-show-signature", "--format=%H%x09%s", f"-{NOTED}", f"{old}..{new}", "--", path]
    answer = await git(["--git-dir", str(repository.git_dir), *words], repository.root)
    lines = [] if answer.status else [line.partition("\t") for line in answer.out.splitlines()]
    return [{"commit": commit, "subject": subject} for commit, _, subject in lines]
