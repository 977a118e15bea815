"""upload: only what the host lacks travels."""

from __future__ import annotations

from turnout import text
from turnout.steps.send import send
from turnout.steps.work import Done, Target, Work


async def upload(work: Work, host: Target) -> Done:
    """Send the missing contents of the artifact and of new layers; an upload that was cut goes on where it stopped."""
    before = host.client.bytes_sent
    missing = await send(work, host, "upload")
    sent = host.client.bytes_sent - before
    if not missing:
        return Done("nothing is missing there", "reused")
    return Done(f"{text.size(missing)} as {text.size(sent)}")
