"""stage: the release laid out beside the running one, every file's digest checked."""

from __future__ import annotations

from turnout import __version__
from turnout.errors import PackageError
from turnout.steps.send import send
from turnout.steps.work import Done, Target, Work


async def stage(work: Work, host: Target) -> Done:
    """Make `releases/vN` from the store; nothing leads there yet. Contents that are hurt there are sent once more."""
    try:
        host.release = await _stage(work, host)
    except PackageError as error:
        work.note(f"{error.message}; sending it again", "stage", host)
        await send(work, host, "stage")
        host.release = await _stage(work, host)
    return Done(f"{host.release}, {work.artifact.manifest.count} entries")


async def _stage(work: Work, host: Target) -> str:
    assert work.revision
    answer = await host.client.call(
        "stage",
        deployment=work.id,
        manifest=work.artifact.manifest.digest,
        artifact=work.artifact.digest,
        revision=work.revision.commit,
        subject=work.revision.subject,
        by=work.by,
        shared=list(work.config.release.shared),
        inputs=work.inputs,
        turnout=__version__,
        build=work.artifact.key or None,
        promoted=work.origin.title if work.origin else None,
    )
    return str(answer["release"])
