"""The repository: is there a revision to deploy, and may it be deployed?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.doctor.finding import APP, Finding, Place
from turnout.errors import TurnoutError
from turnout.source.git import Repository
from turnout.source.process import git

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from turnout.config import Config, Environment
    from turnout.model import Revision

AT = Place(APP)
REF = "HEAD"
"""What `deploy` takes when nothing else is named."""


async def look(
    config: Config, environment: Environment
) -> tuple[list[Finding], Repository | None, Revision | None]:
    """The findings, and what was found."""
    try:
        repository = await Repository.find(config.file.resolve().parent)
    except TurnoutError as error:
        return [AT.failed("repository", error)], None, None
    try:
        revision = await repository.resolve(REF, config.source)
        unclean = await repository.is_dirty(config.source)
    except TurnoutError as error:
        return [AT.failed("revision", error)], repository, None
    return [told(revision, unclean), await may_go(repository, revision, environment)], repository, revision


def told(revision: Revision, unclean: bool) -> Finding:
    """The revision; changes that are not committed are no reason to stop, but people forget them."""
    rest = "; what is not committed stays behind" if unclean else ""
    subject = revision.subject if len(revision.subject) <= 40 else f"{revision.subject[:39]}…"
    return AT.ok("revision", f"{revision.short} {subject}{rest}")


async def may_go(repository: Repository, revision: Revision, environment: Environment) -> Finding:
    """Is the revision on one of the environment's branches, and are there any?"""
    listing = await git(["for-each-ref", "--format=%(refname)"], repository.root)
    remotes = (await git(["remote"], repository.root)).out.split()
    remote = None if repository.bare or not remotes else "origin" if "origin" in remotes else remotes[0]
    there, absent = branches(listing.out.splitlines(), remote, environment.branches)
    if not there:
        return none_exists(remote, absent)
    try:
        found = await repository.on_branch(revision, environment.branches)
    except TurnoutError as error:
        return AT.warn("branch", error.message, error.remedy, error.why)
    if found:
        return AT.ok("branch", f"{revision.short} is on {found}")
    return AT.warn(
        "branch",
        f"{REF} is on none of the branches of {environment.name}",
        [
            *(["git push"] if remote else []),
            f"or deploy a branch: turnout deploy {environment.name} --ref {there[0]}",
        ],
        [f"allowed: {', '.join(environment.branches)}" + (f", as {remote} has them" if remote else "")],
    )


def branches(refs: Collection[str], remote: str | None, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which of the wanted branches exist, and which do not, where they count: in the remote, else here."""
    prefix = f"refs/remotes/{remote}/" if remote else "refs/heads/"
    there = [branch for branch in wanted if f"{prefix}{branch}" in refs]
    return there, [branch for branch in wanted if branch not in there]


def none_exists(remote: str | None, absent: Sequence[str]) -> Finding:
    """A deployment of anything would be refused by the gate."""
    where = f"in {remote}, as this clone knows it" if remote else "here"
    remedy = (
        [f"git fetch {remote}", f"git push {remote} {absent[0]}"] if remote else [f"git branch {absent[0]}"]
    )
    return AT.problem(
        "branch",
        f"there is no branch {' or '.join(absent)} {where}",
        [*remedy, "or correct `branches` in turnout.toml"],
    )
