"""Calls that only look: facts, state, survey, status, health, history, sample."""

from __future__ import annotations

from typing import Any, Dict

from turnout_host import facts, history, layers, recovery, since, status, survey, switch
from turnout_host.calls.common import Answer, newer, next_number, record_of
from turnout_host.errors import HostError, LeaseHeld
from turnout_host.host import Args, Host, Say
from turnout_host.lease import public


def call_facts(host: Host, args: Args, say: Say) -> Answer:
    """What this host is and has."""
    return facts.facts(host.layout)


def call_state(host: Host, args: Args, say: Say) -> Answer:
    """What the journal and `current` say."""
    host.journal.refresh()
    state, holder = host.journal.state, host.lease.holder() if host.lease.descriptor < 0 else None
    folder = switch.target(host.layout)
    return {
        "current": str(folder) if folder else None,
        "current_kind": switch.kind(host.layout),
        "running": survey.running(host.layout),
        "serving": state.serving,
        "releases": state.by_number(),
        "next": next_number(host),
        "open": state.open,
        "lease": public(holder) if holder else None,
        # one that was not written down may be half: it is offered again, and then checked
        "layers": [key for key in layers.keys(host.layout) if key in state.layers],
    }


def call_survey(host: Host, args: Args, say: Say) -> Answer:
    """Findings, the dotenv, what runs."""
    return survey.Survey(host.layout, host.journal.state, host.store, args.values).look()


def call_since(host: Host, args: Args, say: Say) -> Answer:
    """What a rollback to a release would not bring back."""
    name = str(record_of(host, args)["release"])
    return since.since(host.layout, host.journal.state, host.store, name)


def call_status(host: Host, args: Args, say: Say) -> Answer:
    """One look at everything; ends a job that was left open, if nobody is at it."""
    problem = _tried(host, say)
    return _with(problem, status.status(host.layout, host.journal.state, newer(args)))


def call_health(host: Host, args: Args, say: Say) -> Answer:
    """The quick part of it; with `look` an open job stays as it is."""
    host.journal.refresh()
    problem = "" if args.flag("look") else _tried(host, say)
    return _with(problem, status.health(host.layout, host.journal.state, newer(args)))


def call_history(host: Host, args: Args, say: Say) -> Answer:
    """The deployments that the journal knows, newest first; `limit` 0 means all."""
    _tried(host, say)
    found = history.rows(host.journal.state.deployments, status.at_work(host.layout, host.journal.state))
    limit = int(args.number("limit", 100))
    return {"deployments": found[::-1][: limit or None]}


def call_sample(host: Host, args: Args, say: Say) -> Answer:
    """One quick look at processes, answers and machine."""
    host.journal.refresh()
    return host.sampler.look(host.journal.state, newer(args))


def _tried(host: Host, say: Say) -> str:
    """End what was left open; why not, if that cannot be: a look shows what is there all the same."""
    try:
        recover_if_free(host, say)
    except LeaseHeld:  # somebody else is ending it now
        return ""
    except (HostError, OSError) as error:
        return str(error)
    return ""


def _with(problem: str, result: Dict[str, Any]) -> Dict[str, Any]:
    return dict(result, needs_a_look=[*([problem] if problem else []), *result["needs_a_look"]])


def recover_if_free(host: Host, say: Say) -> None:
    """A look is a contact too: an open activation with nobody at it is ended now (DESIGN 6)."""
    host.journal.refresh()
    if host.journal.state.open is None or host.lease.descriptor >= 0 or host.lease.holder() is not None:
        return
    who = {
        "deployment": "recovery",
        "by": "a look at the status",
        "work": "ending an open activation",
        "orphan": True,
    }
    try:
        host.lease.acquire(lambda: host.journal.state.token, who, 0.0, lambda _: None)
    except LeaseHeld:  # somebody else was faster, and is at it
        return
    try:
        recovery.on_contact(host.layout, host.journal, host.lease, say)
    finally:
        host.lease.release()
