"""Not a step: the contents that a host lacks, as one compressed stream; what arrived stays there."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from turnout.artifact.stream import stream
from turnout.errors import PackageError
from turnout.steps.parcel import Part, compression, lacking, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from turnout.steps.work import Target, Work

PAUSE = 0.2
"""Seconds between two reports of progress."""


class Sent(NamedTuple):
    """Bytes of contents that a host lacked, and bytes that travelled for it."""

    lacked: int = 0
    sent: int = 0


async def send(work: Work, host: Target, step: str, *, artifact: bool = True) -> Sent:
    """Send what the missing layers need, and the artifact unless it is not built yet.

    What the running release has in an older version goes as a patch; a host that cannot use one gets it whole.
    """
    before = host.client.bytes_sent
    try:
        lacked = await _send(work, host, step, artifact, whole=False)
    except PackageError as error:
        if not error.detail.get("bases"):
            raise
        work.note(f"{error.message}; it is sent whole", step, host)
        lacked = await _send(work, host, step, artifact, whole=True)
    return Sent(lacked, host.client.bytes_sent - before)


async def _send(work: Work, host: Target, step: str, artifact: bool, whole: bool) -> int:
    chosen = await asyncio.to_thread(parts, work, host, artifact, whole)
    if not chosen:
        return 0
    offers = await asyncio.to_thread(lambda: [part.offer() for part in chosen])
    answer = await host.client.call(
        "lacks", on_event=_said(work, host, step), manifests=offers, keep=work.config.release.keep
    )
    names = await asyncio.to_thread(lacking, chosen, answer)
    if names and artifact and work.bring:
        digest = work.artifact.digest
        await work.bring(names)
        if work.artifact.digest != digest:
            return await _send(work, host, step, artifact, whole)
        chosen[0].tree = work.artifact
    if names:
        await _upload(work, host, step, chosen, names, answer | ({"begun": {}} if whole else {}))
    for part in chosen[1:] if artifact else chosen:
        if host.awaited:
            work.note(f"laying out {part.tree.key}", step, host)
        await host.client.call("lay_layer", key=part.tree.key, manifest=part.tree.digest)
        host.laid.add(part.tree.key)
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
        if not host.awaited or (done < total and time.monotonic() - told < PAUSE):
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
