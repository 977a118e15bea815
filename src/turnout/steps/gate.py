"""gate: may this revision go there now, and who runs what there?"""

from __future__ import annotations

from turnout.errors import GateRefused
from turnout.source.git import Repository
from turnout.steps import about
from turnout.steps.connect import connect
from turnout.steps.work import Done, Work


async def gate(work: Work) -> Done:
    """Check that the revision is on one of the environment's branches; then reach the hosts and take their leases."""
    work.repository = await Repository.find(work.config.file.parent)
    work.revision = await work.repository.resolve(work.deploy.ref, work.config.source)
    about.revision(work, work.revision.commit, work.revision.subject)
    branches = list(work.environment.branches)
    found = await work.repository.on_branch(work.revision, branches)
    if found is None:
        raise GateRefused(
            f"{work.revision.short} is on none of the branches of {work.environment.name}",
            why=[
                f"allowed: {', '.join(branches)}",
                f"asked for: {work.deploy.ref} ({work.revision.subject})",
            ],
            remedy=[
                f"merge it into {branches[0]} and push",
                f"or add its branch to `branches` in {work.config.file.name}",
            ],
        )
    await connect(work, "gate")
    await about.changes(work, work.revision.commit)
    if await work.repository.is_dirty(work.config.source):
        work.notes.append("the working tree has uncommitted changes; they are not part of this deployment")
    runs = ", ".join(sorted({target.running or "nothing" for target in work.targets}))
    return Done(f"{work.revision.short} is on {found}; {runs} runs now")
