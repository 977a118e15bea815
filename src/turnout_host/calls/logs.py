"""The call that reads the app's log files along (docs/protocol.md `logs`)."""

from __future__ import annotations

import faulthandler
import os
import re
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from turnout_host import apps, hiding, survey
from turnout_host.calls.common import Answer
from turnout_host.errors import UsageError
from turnout_host.host import Args, Host, Say
from turnout_host.logs.files import STREAMS, logs
from turnout_host.logs.read import Line, Reader

BATCH = 1000
"""Lines of one answer, at most."""
SIZE = 1 << 18
"""Characters of one answer, at most, and one line."""
SCAN = 1.0
"""Seconds that one answer may look for lines."""
LOOK = 0.1
"""Seconds between two looks at the files."""
_NOWHERE = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
STUCK = 10
"""Seconds after which an expression that does not come to an end ends the host program: `re` knows no limit."""
GUARDED = 10_000
"""Lines after which these seconds begin anew."""


def call_logs(host: Host, args: Args, say: Say) -> Answer:
    """The next lines from `cursor` on; with `wait` it waits so many seconds for the first one."""
    until = time.monotonic() + min(args.number("wait"), 10.0)
    follows = args.number("wait") > 0
    hidden = _secrets(host)
    while True:
        before = _sizes(host)
        found, cursor, behind = _take(host, args, hidden, ended=not follows)
        if found or time.monotonic() >= until or (behind and not follows):
            return {
                "lines": [
                    [line.ts if line.stamped else None, line.ts, line.stream, line.text] for line in found
                ],
                "cursor": cursor,
                "behind": behind,
                "files": sum(len(turns) for turns in logs(host.layout.logs).values()),
                "now": time.time(),
            }
        args = Args(dict(args.values, cursor=cursor))
        while time.monotonic() < until and not behind and _sizes(host) == before:
            time.sleep(LOOK)
        if behind:  # a line without its end, or one that was not wanted
            time.sleep(LOOK)


def _take(host: Host, args: Args, hidden: List[str], ended: bool) -> Tuple[List[Line], Dict[str, Any], int]:
    try:
        reader = Reader(
            host.layout.logs,
            args.texts("streams") or list(STREAMS),
            None if args.values.get("cursor") is None else args.table("cursor"),
            None if args.values.get("lines") is None else int(args.number("lines")),
            None if args.values.get("since") is None else args.number("since"),
            _wanted(args.optional("grep")),
        )
        found = reader.take(BATCH, SIZE, SCAN, ended)
        return (
            [line._replace(text=hiding.hide(line.text, hidden)) for line in found],
            reader.cursor(),
            reader.behind(),
        )
    finally:
        faulthandler.cancel_dump_traceback_later()


def _wanted(expression: Optional[str]) -> Callable[[str], bool]:
    if expression is None:
        return lambda _: True
    try:
        search = re.compile(expression).search
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"not a regular expression: {error}") from None
    seen = 0

    def wanted(line: str) -> bool:
        nonlocal seen
        if seen % GUARDED == 0:
            faulthandler.dump_traceback_later(STUCK, exit=True, file=_NOWHERE)
        seen += 1
        return search(line) is not None

    return wanted


def _secrets(host: Host) -> List[str]:
    name = survey.running(host.layout)
    return hiding.secrets(apps.values_of(host.layout.release(name))) if name else []


def _sizes(host: Host) -> List[Tuple[int, int]]:
    return [(one.inode, one.size) for turns in logs(host.layout.logs).values() for one in turns]
