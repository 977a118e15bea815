"""Not a step of its own: the gate's questions that only the build can answer. A no refuses the deployment (10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.builder import checks as builder
from turnout.errors import BuildError, GateRefused
from turnout.steps.gate import rule_at
from turnout.steps.toolchain import here

if TYPE_CHECKING:
    from turnout.steps.work import Work


async def checks(work: Work, step: str = "build") -> list[str]:
    """Run the environment's `checks` in a checkout of their own; what passed, in words. Urgency passes none."""
    wanted = work.environment.checks
    if not wanted:
        return []
    assert work.repository
    assert work.revision
    work.runs = await here(work, step)
    folder = work.stack.enter_context(work.cache.workspace())
    clean = await work.repository.checkout(work.revision, folder, work.config.source)
    work.note(f"checks: {'; '.join(wanted)}", step)
    try:
        await builder.run(work.cache, clean, work.config, work.runs, wanted, work.output(step))
    except BuildError as error:
        raise GateRefused(
            f"a check failed: {error.message}",
            where=rule_at(work, "checks"),
            why=error.why,
            remedy="mend it, commit, and deploy that",
        ) from error
    return [f"{command} passed" for command in wanted]


def same_as_promised(work: Work) -> None:
    """The artifact is the one that the required environment blessed, to the last byte."""
    if work.promised is None or work.artifact.digest == work.promised:
        return
    name = work.environment.requires
    raise GateRefused(
        f"this build gave another artifact than the one that was blessed on {name}",
        where=rule_at(work, "requires"),
        why=[
            f"here {work.artifact.digest[:12]}, there {work.promised[:12]}, of the same inputs",
            "the build is not reproducible: a date, a random name, or another Node or npm",
        ],
        remedy=[f"deploy to {name} from this machine too: turnout deploy {name} --ref {work.deploy.ref}"],
    )
