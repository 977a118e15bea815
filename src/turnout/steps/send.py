"""Not a step: the contents that a host lacks, as one compressed stream; what arrived stays there."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from turnout.artifact.stream import stream
from turnout.errors import PackageError
from turnout.steps.parcel import Part, compression, lacking, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from turnout.steps.work import Target, Work

PAUSE = 0.2
"""Seconds between two reports of progress."""


async def send(work: Work, host: Target, step: str) -> int:
    """Send what the artifact and the missing layers need; returns the bytes of contents that were missing.

    What the running release has in an older version goes as a patch; a host that cannot use one gets it whole.
    """
    try:
        return await _send(work, host, step, whole=False)
    except PackageError as error:
        if not error.detail.get("bases"):
            raise
        work.note(f"{error.message}; it is sent whole", step, host)
        return await _send(work, host, step, whole=True)


async def _send(work: Work, host: Target, step: str, whole: bool) -> int:
    chosen = await asyncio.to_thread(parts, work, host, whole)
    offers = await asyncio.to_thread(lambda: [part.offer() for part in chosen])
    answer = await host.client.call(
        "lacks", on_event=_said(work, host, step), manifests=offers, keep=work.config.release.keep
    )
    names = await asyncio.to_thread(lacking, chosen, answer)
    if names and work.bring:
        artifact = work.artifact.digest
        await work.bring(names)
        if work.artifact.digest != artifact:
            return await _send(work, host, step, whole)
        chosen[0].tree = work.artifact
    if names:
        await _upload(work, host, step, chosen, names, answer | ({"begun": {}} if whole else {}))
    for part in chosen[1:]:
        work.note(f"laying out {part.tree.key}", step, host)
        await host.client.call("lay_layer", key=part.tree.key, manifest=part.tree.digest)
    host.state["layers"] += [part.tree.key for part in chosen[1:]]
    return int(answer["bytes"])


def _said(work: Work, host: Target, step: str) -> Callable[[dict[str, Any]], None]:
    """What was pruned for want of room is told at once, and in the result."""

    def hear(event: dict[str, Any]) -> None:
        if event.get("kind") == "note":
            work.notes.append(f"{host.name}: {event['text']}")
        work.listen(step, host)(event)

    return hear


async def _upload(
    work: Work, host: Target, step: str, chosen: list[Part], names: set[str], answer: dict[str, Any]
) -> None:
    told, total = 0.0, int(answer["bytes"])

    def progress(done: int) -> None:
        nonlocal told
        if done < total and time.monotonic() - told < PAUSE:
            return
        told = time.monotonic()
        work.bus.emit("step.progress", step=step, host=host.name, done=done, total=total, unit="bytes")

    await host.client.upload(contents(host, chosen, names, answer, progress), compression(host))


def contents(
    host: Target,
    chosen: list[Part],
    names: set[str],
    answer: dict[str, Any],
    progress: Callable[[int], None] | None = None,
) -> Iterator[bytes]:
    """The upload of these blobs that answers `lacks` or `outlook`."""
    bases = {name: base for part in chosen for name, base in part.pairs(answer["based"]).items()}
    sources = [part.source for part in chosen]
    return stream(sources, names, compression(host), progress, bases, answer["begun"])
