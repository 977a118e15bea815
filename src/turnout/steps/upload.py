"""upload: only what the host lacks travels."""

from __future__ import annotations

from turnout import text
from turnout.steps import ahead
from turnout.steps.send import send
from turnout.steps.work import Done, Target, Work


async def upload(work: Work, host: Target) -> Done:
    """Send the missing contents of the artifact and of new layers; an upload that was cut goes on where it stopped."""
    first, rest = await ahead.sent(host), await send(work, host, "upload")
    lacked = first.lacked + rest.lacked
    if not lacked:
        return Done("nothing is missing there", "reused")
    return Done(f"{text.size(lacked)} as {text.size(first.sent + rest.sent)}")
