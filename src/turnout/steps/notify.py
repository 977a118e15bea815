"""notify: people are told, however it ended. It runs beside the work: nothing waits for it, and nothing fails by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from turnout.errors import GateRefused, RevertFailed, TurnoutError
from turnout.notifiers import message
from turnout.notifiers.channel import Channel
from turnout.notifiers.delivery import LIMIT, deliver
from turnout.notifiers.message import Facts, Failed, Message
from turnout.source.git import Repository
from turnout.steps.work import Done, Work

if TYPE_CHECKING:
    from turnout.config.schema import Config, Environment
    from turnout.notifiers.base import Notifier

Make = Callable[[Facts], Message]
UNTOLD = ("pin", "backup")
"""Commands whose success is no news; a failure is."""


async def notify(work: Work) -> Done:
    """Begin to tell that it is done; who could not be told is among the notes of the result."""
    for note in work.notes:
        work.note(note, "notify")
    if work.command in UNTOLD:
        return Done("users see nothing of it", "skipped")
    count = tell(work, message.restored if work.command == "restore" else message.success)
    return Done(f"{count} being told" if count else "on this screen")


def channels(config: Config, environment: Environment) -> list[Notifier]:
    """The targets of the file: those for all environments, then those of this one."""
    return [Channel(target, number) for number, target in enumerate((*config.notify, *environment.notify), 1)]


def tell(work: Work, make: Make) -> int:
    """Begin to tell people; how many notifiers there are."""
    if work.notifiers:
        work.telling.append(asyncio.create_task(_deliver(work, make), name="notify"))
    return len(work.notifiers)


def tell_failure(work: Work, error: BaseException, block: Mapping[str, Any] | None) -> None:
    """Begin to tell how it failed; `block` is what people see of it."""
    block = block or {"message": f"an unexpected error: {type(error).__name__}"}
    where = ", ".join(str(block[key]) for key in ("step", "host") if block.get(key))
    remedy = tuple(block.get("remedy") or [f"turnout status {work.environment.name}"])
    failed = Failed(str(block["message"]), where, str(block.get("state") or ""), remedy)
    if _waits(error):
        tell(work, lambda facts: message.waiting(facts, failed.message))
    elif isinstance(error, RevertFailed):
        tell(work, lambda facts: message.revert_failed(facts, failed))
    elif isinstance(error, TurnoutError) and error.result == "reverted":
        tell(work, lambda facts: message.reverted(facts, failed))
    else:
        tell(work, lambda facts: message.failure(facts, failed))


def _waits(error: BaseException) -> bool:
    """Whether the gate said `wait`."""
    return isinstance(error, GateRefused) and error.waits


async def settle(work: Work, patience: float | None = None) -> None:
    """Wait, within a limit, until everybody was told; note who could not be. Raises nothing but a cancellation."""
    if not work.telling:
        return
    limit = LIMIT + 1 if patience is None else patience
    ended, late = await asyncio.wait(work.telling, timeout=limit)
    for task in late:
        task.cancel()
        work.notes.append(f"not everybody was told within {limit:.0f} s")
    for task in ended:
        if not task.cancelled() and task.exception() is None:
            work.notes += task.result()


async def _deliver(work: Work, make: Make) -> list[str]:
    """Tell every notifier that wants to know, all at once; a sentence for each that could not be told."""
    told = make(await _facts(work))
    wanted = [notifier for notifier in work.notifiers if notifier.wants(told)]
    return [said for said in await asyncio.gather(*(deliver(one, told) for one in wanted)) if said]


async def _facts(work: Work) -> Facts:
    first = work.targets[0] if work.targets else None
    release = first.release or None if first else None
    commit = (
        work.revision.commit
        if work.revision
        else str(first.record(release).get("revision") or "")
        if first
        else ""
    )
    return Facts(
        app=work.config.app,
        environment=work.environment.name,
        command=work.command,
        by=work.by,
        hosts=tuple(str(address) for address in work.reach.hosts),
        revision=commit[:10],
        release=release,
        previous=first.running if first else None,
        seconds=work.seconds,
        changes=await _changes(work, commit),
        url=work.environment.url,
    )


async def _changes(work: Work, commit: str) -> tuple[str, ...]:
    """What it is about: subjects of commits that come in, or, with a rollback, go out; none where git cannot tell."""
    if work.about:
        return tuple(work.about)
    first = work.targets[0] if work.targets else None
    serving = str(first.record(first.running).get("revision") or "") if first else ""
    if not commit or not serving or commit == serving:
        return (work.revision.subject,) if work.revision and not serving else ()
    old, new = (commit, serving) if work.command == "rollback" else (serving, commit)
    try:
        repository = work.repository or await Repository.find(work.config.file.parent)
        return tuple(await repository.changes(old, new, work.config.source))
    except (TurnoutError, OSError):  # a rollback needs no repository
        return ()
