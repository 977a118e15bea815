"""--json: each event as one line on stdout; people get only the block of a failure, on stderr."""

from __future__ import annotations

import json
import sys
from typing import TextIO

from turnout.cli import block, ending, readers
from turnout.cli.quiet import Display
from turnout.events import Event


class JsonLines(Display):
    """NDJSON, flushed line by line. A reader that has gone away does no harm to the deployment."""

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.stdout, self.stderr = stdout or sys.stdout, stderr

    def feed(self, event: Event) -> None:
        """Write one event."""
        write(event.as_json(), self.stdout)
        failed = ending.failure(event) if event.type == "deployment.finished" else None
        if failed:
            block.show(failed, self.stderr)


def write(value: object, stdout: TextIO | None = None) -> None:
    """One JSON value as one line of ASCII; secrets and other strangers to JSON make it fail instead of leaking."""
    stream = stdout or sys.stdout
    line = json.dumps(value).replace("##[", "\\u0023#[") + "\n"  # a GitHub runner would read a command there
    try:
        stream.write(line)
        stream.flush()
    except BrokenPipeError:
        readers.forget(stream)
