"""Not a step of its own: every plan begins by reaching its hosts and taking their leases."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from turnout.errors import LeaseHeld, TurnoutError
from turnout.notifiers import message
from turnout.steps.notify import tell
from turnout.steps.overtaken import lost, newer
from turnout.steps.work import Target, Work

if TYPE_CHECKING:
    from turnout.model import Address

PATIENCE = 600
"""Seconds that an orphan's work (a pointsman, a migration) is waited for."""


async def connect(work: Work, step: str) -> None:
    """Reach all hosts at once, then take the first one's lease, then the others'.

    The first one's decides between two deployments; else each could hold what the other lacks, and both be refused.
    The first error is raised after every host that was asked has answered.
    """
    outcomes = await asyncio.gather(
        *(_reach(work, address) for address in work.reach.hosts), return_exceptions=True
    )
    work.targets = [outcome for outcome in outcomes if isinstance(outcome, Target)]
    first_error(outcomes)
    for targets in (work.targets[:1], work.targets[1:]):
        leases = (_lease(work, target, step) for target in targets)
        first_error(await asyncio.gather(*leases, return_exceptions=True))


async def look(work: Work) -> None:
    """Reach all hosts and ask for their facts and states; no lease is taken."""

    async def one(address: Address) -> Target:
        target = await _reach(work, address)
        target.facts, target.state = await asyncio.gather(
            target.client.call("facts"), target.client.call("state")
        )
        return target

    outcomes = await asyncio.gather(*(one(address) for address in work.reach.hosts), return_exceptions=True)
    first_error(outcomes)
    work.targets = [outcome for outcome in outcomes if isinstance(outcome, Target)]


async def _reach(work: Work, address: Address) -> Target:
    try:
        client = await work.open(address)
    except TurnoutError as error:
        error.host = str(address)
        raise
    work.stack.push_async_callback(client.close)
    return Target(address, client)


async def reconnect(work: Work, target: Target) -> None:
    """Reach a host again whose link was lost. The new connection only looks: the lease went with the old one."""
    client = await work.open(target.address)
    work.stack.push_async_callback(client.close)
    target.lost_bytes += target.client.bytes_sent
    target.lost_calls += target.client.spent
    target.client = client


async def hold(work: Work, target: Target) -> None:
    """Take the lease again, as the same deployment, for what is left to do after a link was lost."""
    if target.client.token is None:
        if other := await newer(work, target.client):
            raise lost(target, other)
        answer = await target.client.call("acquire", **_who(work))
        target.client.token = answer["token"]


def _who(work: Work) -> dict[str, Any]:
    return {
        "deployment": work.id,
        "by": work.by,
        "command": work.command,
        "wait": PATIENCE,
        "work": work.command,
    }


async def _lease(work: Work, target: Target, step: str) -> None:
    def hear(event: dict[str, Any]) -> None:
        if event.get("kind") == "waiting":
            holder = event["holder"]
            work.note(f"waiting for {holder.get('deployment')} ({holder.get('work')}) to end", step, target)
            why = f"{holder.get('by')} is at work on {target.name}: {holder.get('work')}"
            tell(work, lambda facts: message.waiting(facts, why))
        elif event.get("kind") == "recovering":
            work.note(f"ending the activation of {event['release']} that was left open", step, target)
        elif event.get("kind") == "hand":
            work.notes.append(f"{target.name}: {event['text']}")
        else:
            target.swept += [str(event["text"])] if event.get("kind") == "note" else []
            work.listen(step, target)(event)

    more: dict[str, Any] = (
        {} if work.revision is None else {"revision": work.revision.commit, "subject": work.revision.subject}
    )
    if work.deploy.urgent:
        more |= {"urgent": True, "reason": work.deploy.urgent}

    async def acquire() -> None:
        answer = await target.client.call("acquire", on_event=hear, **_who(work), **more)
        target.client.token = answer["token"]
        target.recovered = answer.get("recovered")
        if target.recovered:
            said = f"{target.name}: {_recovered(target.recovered)}"
            work.notes.append(said)
            tell(work, lambda facts: message.recovered(facts, said))

    try:
        # carried out in this order, asked in one round trip; what only looks needs no token
        _, target.facts, target.state = await asyncio.gather(
            acquire(), target.client.call("facts"), target.client.call("state")
        )
    except TurnoutError as error:
        error.host = target.name
        if isinstance(error, LeaseHeld):
            _name_holder(error)
        raise


def _recovered(ended: dict[str, Any]) -> str:
    if ended.get("result") == "revert_failed":
        return (
            f"ended what {ended['deployment']} left open: neither {ended['release']} nor the release before it "
            "could be proved; look with turnout status"
        )
    how = {"succeeded": "finished", "reverted": "undid"}.get(str(ended.get("result")), "ended")
    why = f" ({ended['reason']})" if ended.get("reason") else ""
    serves = f"{ended['serving'] or 'nothing'} serves"
    return f"{how} the switch to {ended['release']} that {ended['deployment']} left open{why}; {serves}"


def _name_holder(error: LeaseHeld) -> None:
    """Say who holds the lease, since when, and for what."""
    holder: Any = error.detail.get("holder") or {}
    since = time.strftime("%H:%M:%S", time.localtime(float(holder.get("since") or 0)))
    error.why = [
        f"{holder.get('by')} holds it since {since}: {holder.get('work')}, deployment {holder.get('deployment')}"
    ]
    error.state = "the other deployment goes on; nothing of this one was begun"
    error.remedy = ["wait for it to end, then the same command again", "turnout status shows how far it is"]


def first_error(outcomes: list[Any]) -> None:
    """Raise the first failure among gathered outcomes; what is not an Exception (a cancellation) goes first."""
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    failures.sort(key=lambda failure: isinstance(failure, Exception))
    if failures:
        raise failures[0]
