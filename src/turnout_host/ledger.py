"""The journal read as an auditor would: every line whole, numbers rising, no older token after a newer one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List, NamedTuple, Optional, Tuple


class Read(NamedTuple):
    """What was read; `wrong` has the number of a line and what is wrong with it."""

    entries: int
    wrong: List[Tuple[int, str]]
    torn: bool
    """The last line has no end: whoever wrote it died, and the next one to write cuts it off."""


def read(path: Path) -> Read:
    """All of it; a journal that is not there is empty."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Read(0, [], False)
    whole = data[: data.rfind(b"\n") + 1]
    entries, wrong, seq, token = 0, [], 0, 0
    for number, line in enumerate(whole.splitlines(), start=1):
        entry = _entry(line)
        if entry is None:
            wrong.append((number, "this line cannot be read; what it said is lost"))
            continue
        entries += 1
        if entry["seq"] <= seq:
            wrong.append((number, f"entry {entry['seq']} stands after entry {seq}"))
        if 0 < int(entry.get("token") or 0) < token:
            wrong.append((number, f"token {entry['token']} wrote after token {token}"))
        seq, token = max(seq, entry["seq"]), max(token, int(entry.get("token") or 0))
    return Read(entries, wrong, len(whole) < len(data))


def _entry(line: bytes) -> Optional[Any]:
    try:
        entry = json.loads(line.decode("utf-8"))
    except ValueError:
        return None
    good = (
        isinstance(entry, dict) and isinstance(entry.get("seq"), int) and isinstance(entry.get("type"), str)
    )
    return entry if good else None
