"""gate: may this revision go there now, and who runs what there?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.config import locate
from turnout.errors import GateRefused
from turnout.gate.verdict import decide
from turnout.steps import about, evidence
from turnout.steps.connect import connect
from turnout.steps.work import Done, NothingToDo, Work

if TYPE_CHECKING:
    from turnout.gate.model import Verdict


async def gate(work: Work) -> Done:
    """Decide (gate/): first what needs no host; then reach the hosts, take their leases, and ask the rest."""
    branch = await evidence.revision(work)
    obey(work, decide(evidence.known(work, branch)))
    assert work.repository
    assert work.revision
    about.revision(work, work.revision.commit, work.revision.subject)
    await connect(work, "gate")
    await about.changes(work, work.revision.commit)
    if await work.repository.is_dirty(work.config.source):
        work.notes.append("the working tree has uncommitted changes; they are not part of this deployment")
    verdict = decide(await evidence.gather(work, branch))
    obey(work, verdict)
    return Done(said(work, verdict, branch))


def obey(work: Work, verdict: Verdict) -> None:
    """Go on, end well where there is nothing to do, or raise GateRefused with what to type."""
    assert work.revision
    if verdict.word == "skip":
        same = all(host.record(host.running).get("revision") == work.revision.commit for host in work.targets)
        reason = verdict.reasons[0]
        raise NothingToDo("unchanged" if same else "skipped", reason, work.targets[0].running)
    if verdict.word in {"wait", "refuse"}:
        refused = GateRefused(
            verdict.headline,
            where=rule_at(work, verdict.stops[0].rule),
            why=[
                *verdict.reasons[1:],
                *verdict.evidence,
                f"asked for: {work.deploy.ref} ({work.revision.subject})",
            ],
            remedy=verdict.remedy,
        )
        refused.waits = verdict.word == "wait"
        raise refused


def rule_at(work: Work, rule: str) -> str:
    """Where a rule of the environment stands, `turnout.toml:9:1`; "" where none is to blame."""
    return locate.shown(work.config.file, ("environments", work.environment.name, rule)) if rule else ""


def said(work: Work, verdict: Verdict, branch: str | None) -> str:
    """The decision in one line: where the revision is, what runs, what passed, and what urgency let pass."""
    assert work.revision
    runs = ", ".join(sorted({target.running or "nothing" for target in work.targets}))
    parts = [f"{work.revision.short} is on {branch}", f"{runs} runs now", *verdict.words]
    return "; ".join(parts)
