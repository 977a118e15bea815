"""Carries a plan out: each step begins when those it waits for have ended well; however it ends, everyone is told.

All hosts of a step finish and all their errors are told (STYLE 6); the first failure stops what has not begun. The
lease goes with the connection; an activation that was asked for goes on in the host.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from turnout import critical, failpoints
from turnout.builder.cache import Cache
from turnout.critical import Span
from turnout.errors import Cancelled, TurnoutError
from turnout.hosts import load
from turnout.model import DeployOptions, Outcome, RollbackOptions
from turnout.steps import ahead, group
from turnout.steps.connect import first_error, hold
from turnout.steps.notify import channels, settle, tell_failure
from turnout.steps.overtaken import overtaken
from turnout.steps.reach import connect as connect  # noqa: PLC0414 - those above the steps find it here
from turnout.steps.work import Done, NothingToDo, Target, Work

if TYPE_CHECKING:
    from turnout.config.schema import Config, Environment
    from turnout.config.surroundings import Reach
    from turnout.events import Bus
    from turnout.plan import Plan, Step

FAREWELL = 5.0
"""Seconds that a host gets to note the end; one that is busy sweeps up when the connection closes."""
HASTE = 2.0
"""Seconds that people's channels get after a cancellation: CI kills 10 s later, and the state is said first."""


async def run(
    plan: Plan,
    config: Config,
    environment: Environment,
    reach: Reach,
    options: DeployOptions | RollbackOptions,
    bus: Bus,
) -> Outcome:
    """Carry `plan` out for an environment. Expected failures are told as events and in the outcome, not raised."""
    asyncio.get_running_loop().run_in_executor(None, load, reach.hosts)
    async with AsyncExitStack() as stack:
        work = Work(
            config, environment, reach, bus, Cache(), partial(connect, environment, reach), stack, plan.name
        )
        if isinstance(options, DeployOptions):
            work.deploy = options
        else:
            work.rollback = options
        work.notifiers = channels(config, environment)
        return await _run(plan, work)


async def _run(plan: Plan, work: Work) -> Outcome:
    began = time.monotonic()
    work.bus.emit(
        "deployment.started",
        command=work.command,
        hosts=[str(address) for address in work.reach.hosts],
        origins=work.reach.origins,
        path=work.environment.path,
        steps=plan.names,
        ref=work.rollback.release if work.command == "rollback" else work.deploy.ref,
        by=work.by,
        url=work.environment.url,
    )
    error: BaseException | None = None
    try:
        if plan.begin:
            await plan.begin(work)
        await _steps(plan, work)
    except TurnoutError as failed:
        error = await overtaken(work, failed)
    except NothingToDo as ended:
        error = ended
    except asyncio.CancelledError:
        error = Cancelled("stopped", state=_state(work), remedy=[work.typed])
    except Exception as unexpected:  # noqa: BLE001 - the hosts are told first, then whoever called us
        error = unexpected
    if error is not None:
        error = await group.take_back(work, error)
    outcome = _outcome(work, error, time.monotonic() - began)
    await _tell_hosts(work, outcome, error)
    if error is not None and not isinstance(error, NothingToDo):
        tell_failure(work, error, _block(work, error))
    await work.stack.aclose()  # nobody waits for our lease while people are told
    await settle(work, HASTE if isinstance(error, Cancelled) else None)
    if error is not None and not isinstance(error, TurnoutError | NothingToDo):
        raise error
    _tell(work, outcome, error)
    await asyncio.to_thread(work.cache.sweep)
    return outcome


async def _steps(plan: Plan, work: Work) -> None:
    """Every step a task that waits for its predecessors; the first failure cancels the others."""
    tasks: dict[str, asyncio.Task[None]] = {}

    async def begin_when_ready(step: Step) -> None:
        await asyncio.gather(*(asyncio.shield(tasks[name]) for name in plan.waits_for(step)))
        await _step(plan, step, work)

    for step in plan.steps:
        tasks[step.name] = asyncio.create_task(begin_when_ready(step), name=step.name)
    try:
        await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_EXCEPTION)
    finally:
        failed = _failure(tasks)
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), ahead.stop(work), return_exceptions=True)
    if failed:
        raise failed


def _failure(tasks: dict[str, asyncio.Task[None]]) -> BaseException | None:
    """The failure that came first in the plan's order; those of steps that only waited for it are the same object."""
    for task in tasks.values():
        if task.done() and not task.cancelled() and task.exception():
            return task.exception()
    return None


async def _step(plan: Plan, step: Step, work: Work) -> None:
    act: Any = step.act
    if step.where == "deployer":
        await _one(step, work, None, lambda: act(work))
    elif step.where == "once":
        await _one(step, work, work.targets[0], lambda: act(work, work.targets[0]))
    elif step.where == "first host first":
        await _first_host_first(plan.together(step), work)
    else:
        each = (_one(step, work, target, partial(act, work, target)) for target in work.targets)
        first_error(await asyncio.gather(*each, return_exceptions=True))


async def _first_host_first(steps: tuple[Step, ...], work: Work) -> None:
    """The first host alone, so that what fails there reaches no other; then the others together (decision 010)."""

    async def turn(target: Target) -> None:
        for step in steps:
            act: Any = step.act
            await _one(step, work, target, partial(act, work, target))

    for targets in (work.targets[:1], work.targets[1:]):
        turns = await asyncio.gather(*(turn(target) for target in targets), return_exceptions=True)
        first_error(turns)


async def _one(step: Step, work: Work, target: Target | None, act: Any) -> None:
    """One step on one host: told when it begins and how it ends; an error learns where it happened."""
    host, began = target.name if target else None, time.monotonic()
    work.bus.emit("step.started", step=step.name, host=host)
    status, detail = "failed", ""
    failpoints.begin(step.name)
    try:
        done: Done = await act()
        failpoints.at(step.name, "exit")
        status, detail = done.status, done.detail
    except NothingToDo as end:
        status, detail = "skipped", end.reason
        raise
    except TurnoutError as error:
        error.host, error.step = error.host or host or "", error.step or step.name
        error.state = error.state or _state(work)
        status, detail = ("refused" if error.result == "refused" else "failed"), error.message
        raise
    except asyncio.CancelledError:
        status, detail = "skipped", "stopped"
        raise
    finally:
        span = Span(step.name, host, began, time.monotonic())
        work.spans.append(span)
        work.bus.emit(
            "step.finished",
            step=step.name,
            host=host,
            status=status,
            seconds=span.ended - span.began,
            detail=detail,
        )


def _state(work: Work) -> str:
    """What serves now, as far as the deployer can tell."""
    seen = [target for target in work.targets if target.state]
    if not seen:
        return "nothing was changed"
    if any(target.switch for target in work.targets):
        return "; ".join(_switch_state(target) for target in work.targets)
    serving = ", ".join(f"{target.serves} on {target.name}" for target in seen)
    return f"serves as before: {serving}"


def _switch_state(target: Target) -> str:
    """The same for one host, when a switch was asked for on some."""
    before, result = target.running or "nothing", (target.ended or {}).get("result")
    if not target.switch:
        return f"{before} serves on {target.name} as before"
    if result == "succeeded":
        return f"{target.release} serves on {target.name}, proved"
    if result == "reverted":
        return f"{before} serves on {target.name} again, proved"
    if result == "revert_failed":
        return f"unknown on {target.name}: neither {target.release} nor {before} could be proved"
    if target.switch.get("group") and target.switch.get("word") != "well":
        return f"{target.name} goes back to {before} by itself"
    return f"{target.name} ends the switch by itself: {target.release} if it can be proved, else {before}"


def _outcome(work: Work, error: BaseException | None, seconds: float) -> Outcome:
    first = work.targets[0] if work.targets else None
    release = (first.release or None) if first else None
    previous = first.running if first else None
    outcome = Outcome("succeeded", 0, release, previous, seconds, work.bytes_sent(), work.notes)
    if isinstance(error, NothingToDo):
        outcome.result, outcome.release = error.result, error.release
    elif isinstance(error, TurnoutError):
        outcome.result, outcome.exit_code = error.result, error.exit_code
    elif error is not None:
        outcome.result, outcome.exit_code = "failed", 1
    return outcome


async def _tell_hosts(work: Work, outcome: Outcome, error: BaseException | None) -> None:
    """Each host's journal learns how the deployment ended; a host that cannot be told sweeps up at the next contact."""
    step = error.step if isinstance(error, TurnoutError) else None
    reason = str(error) if isinstance(error, TurnoutError) else None

    async def told(target: Target) -> None:
        busy = bool(target.switch) and target.ended is None
        if busy or not (target.client.token or target.ended):
            return
        try:
            async with asyncio.timeout(FAREWELL):
                await hold(work, target)
                await target.client.call(
                    "finish",
                    deployment=work.id,
                    result=outcome.result,
                    exit_code=outcome.exit_code,
                    step=step,
                    reason=reason,
                    seconds=round(outcome.seconds, 3),
                    steps=_steps_of(work, target),
                    bytes_sent=target.client.bytes_sent + target.lost_bytes,
                )
        except (TurnoutError, TimeoutError) as lost:
            why = f"its journal could not be told how this ended ({lost}); the next contact sweeps up"
            work.notes.append(f"{target.name}: {why}")

    await asyncio.gather(*(told(target) for target in work.targets))


def _steps_of(work: Work, target: Target) -> dict[str, float]:
    """Seconds of each step that was carried out on this host or on the deployer."""
    spans = [span for span in work.spans if span.host in {None, target.name}]
    return {span.step: round(span.ended - span.began, 3) for span in spans}


def _stays(work: Work) -> str:
    """What a failure does not take back."""
    return f"; the migrations stay in: {', '.join(work.migrated)}" if work.migrated else ""


def _again(work: Work) -> list[str]:
    """What to type where the error itself knows nothing better."""
    return [f"mend the cause, then the same command again: {work.typed}"]


def _block(work: Work, error: BaseException | None) -> dict[str, Any] | None:
    """What people see of an expected failure (docs/json.md)."""
    if not isinstance(error, TurnoutError):
        return None
    return {
        "message": error.message,
        "where": error.where,
        "why": error.why,
        "state": (error.state or _state(work)) + _stays(work),
        "remedy": [line.replace("{host}", error.host) for line in error.remedy or _again(work)],
        "host": error.host,
        "step": error.step,
    }


def _tell_calls(work: Work) -> None:
    """What each host was asked, and how many round trips in sequence that were."""
    for target in work.targets:
        calls = [{"call": one.call, "ts": one.ts, "seconds": round(one.seconds, 4)} for one in target.spent]
        ends = [(one.ts, one.ts + one.seconds) for one in target.spent]
        work.bus.emit("host.calls", host=target.name, calls=calls, in_sequence=critical.in_sequence(ends))


def _tell(work: Work, outcome: Outcome, error: BaseException | None) -> None:
    _tell_calls(work)
    held = critical.shares(critical.path(work.spans), work.began)
    more: dict[str, Any] = {"reason": str(error)} if isinstance(error, NothingToDo) else {}
    if block := _block(work, error):
        more["error"] = block
    work.bus.emit(
        "deployment.finished",
        result=outcome.result,
        exit_code=outcome.exit_code,
        release=outcome.release,
        previous=outcome.previous,
        seconds=outcome.seconds,
        bytes_sent=outcome.bytes_sent,
        notes=list(dict.fromkeys(outcome.notes)),
        held_up_by={step: round(seconds, 3) for step, seconds in held.items()},
        **more,
    )
