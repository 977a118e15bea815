"""stage, without an upload: the artifact of a release that is there, laid out once more under the next number.

A release never changes, so another dotenv for the same code is a new release: a change of the dotenv (`change.py`), and
a rollback with `--keep-env`.
"""

from __future__ import annotations

from typing import Any

from turnout.errors import UsageError
from turnout.steps.work import Done, Target, Work

OF_THE_ARTIFACT = (
    "manifest",
    "artifact",
    "revision",
    "subject",
    "shared",
    "inputs",
    "build",
    "turnout",
    "promoted",
)
"""What the journal knows of an artifact, and holds of each release that has it."""


async def running(work: Work, host: Target) -> Done:
    """The running release, to get a changed dotenv."""
    of = str(host.running)
    await _stage(work, host, of, again=of)
    return Done(f"{host.release}, the same as {of}")


async def target(work: Work, host: Target) -> Done:
    """The release that is gone back to, to get today's dotenv. The next rollback goes on from it (`back_to`)."""
    of = host.release
    await _stage(work, host, of, again=of, back_to=of)
    return Done(f"{host.release}, {of} with today's dotenv")


async def _stage(work: Work, host: Target, of: str, **why: str) -> None:
    """Stage it for the layers of `of`. Raises UsageError for an adopted release, whose contents were never ours."""
    record = host.record(of)
    if not record.get("manifest"):
        raise UsageError(
            f"{of} was adopted, so it cannot be laid out once more with another dotenv",
            remedy=f"deploy first: turnout deploy {work.environment.name}",
        )
    runs = record.get("toolchain") or {}
    host.layers = {
        "dependencies": record.get("dependencies"),
        "node": runs.get("node"),
        "pm2": runs.get("pm2"),
    }
    known: dict[str, Any] = {key: record.get(key) for key in OF_THE_ARTIFACT} | why
    answer = await host.client.call("stage", deployment=work.id, by=work.by, **known)
    host.release = str(answer["release"])
