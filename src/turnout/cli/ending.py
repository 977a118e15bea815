"""How a deployment begins and ends, in words: the heading, the summary line, the notes, the block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnout import text
from turnout.cli.block import Block
from turnout.events import Event

WORTH = 2.0
"""Seconds of a deployment from which on it is told where they went."""
SHARE = 0.04
"""Of the whole; steps that took less are told together."""


def heading(event: Event) -> str:
    """`deploy production on deploy@a (from VPS_HOST)`, with the revision or release that was asked for."""
    data = event.data
    origins = data.get("origins") or {}
    hosts = [
        f"{host} ({origins[host]})" if host in origins else str(host) for host in data.get("hosts") or ()
    ]
    words = [str(data.get("command", "deploy")), event.environment or ""]
    if data.get("ref") and data["ref"] != "HEAD":
        between = {"rollback": "to", "restore": "to", "promote": "from"}
        words += [between.get(str(data.get("command")), "at"), str(data["ref"])]
    if hosts:
        words += ["on", ", ".join(hosts)]
    return text.harmless(" ".join(word for word in words if word))


def foretold(event: Event) -> list[str]:
    """What a rollback does not bring back, before it happens."""
    head = f"going back to {event.data.get('release')} on {event.host}"
    said = [line for one in event.data.get("lines") or () for line in text.lines(str(one))]
    return [text.harmless(head), *(f"  {line}" for line in said)]


def summary(event: Event) -> str:
    """`v2 is live · 6.1 s · 61 kB sent · was v1`."""
    data = event.data
    release, previous = data.get("release"), data.get("previous")
    parts = [_result(str(data.get("result")), release, data.get("reason"))]
    seconds = data.get("seconds", event.seconds)
    if seconds is not None:
        parts.append(text.took(float(seconds)))
    if data.get("bytes_sent"):
        parts.append(f"{text.size(int(data['bytes_sent']))} sent")
    if data.get("result") == "succeeded" and release and previous and previous != release:
        parts.append(f"was {previous}")
    return text.harmless(" · ".join(parts))


def held_up(event: Event) -> str:
    """`where the time went: build 3.1 s · activate 2.1 s · … · the rest 0.4 s`; "" where it went by at once."""
    took = {step: float(seconds) for step, seconds in (event.data.get("held_up_by") or {}).items()}
    whole = sum(took.values())
    if whole < WORTH or event.data.get("result") not in {"succeeded", "reverted"}:
        return ""
    named = {step: seconds for step, seconds in took.items() if seconds >= whole * SHARE}
    parts = [f"{step} {text.took(seconds)}" for step, seconds in named.items()]
    rest = whole - sum(named.values())
    parts += [f"the rest {text.took(rest)}"] if rest > 0.05 else []
    return text.harmless(f"where the time went: {' · '.join(parts)}")


def _result(result: str, release: object, reason: object) -> str:
    if result == "succeeded":
        return f"{release} is live" if release else "done"
    if result in {"unchanged", "skipped"}:
        return f"nothing to do: {reason}" if reason else "nothing to do"
    return {"reverted": "reverted", "refused": "refused"}.get(result, "failed")


def notes(event: Event) -> list[str]:
    """What the result wants known."""
    return [line for note in event.data.get("notes") or () for line in text.lines(str(note))]


def failure(event: Event) -> Block | None:
    """The block of a deployment that did not go well."""
    error: Any = event.data.get("error")
    if isinstance(error, Mapping):
        return Block.of_event(error)
    if event.data.get("result") in {"failed", "reverted", "refused"}:
        return Block(summary(event))
    return None
