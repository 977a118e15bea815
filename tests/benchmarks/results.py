"""What was measured, kept in one file, so that a run can be taken up again and the page be made anew."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Run = Mapping[str, Any]
SEPARATOR = ": "
"""Between the parts of a key in the file; a link has a slash in its name."""


class Key(NamedTuple):
    """What was measured: an app over a link, by whom, in which case."""

    app: str
    link: str
    contender: str
    case: str


class Results:
    """`file` holds a list for each key; every `add` is on the disk at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        found = json.loads(file.read_text()) if file.exists() else {}
        self.machine: dict[str, str] = found.get("machine", {})
        self.growth: dict[str, dict[str, Any]] = found.get("growth", {})
        self.facts: dict[str, float] = found.get("facts", {})
        self._runs: dict[Key, list[Run]] = {
            Key(*name.split(SEPARATOR)): runs for name, runs in found.get("runs", {}).items()
        }

    def runs(self, key: Key) -> list[Run]:
        """All runs of a case; [] when it was not measured."""
        return self._runs.get(key, [])

    def measured(self) -> list[Key]:
        """Everything that was measured."""
        return list(self._runs)

    def put(self, key: Key, runs: Iterable[Run]) -> None:
        """Keep them in place of what was there."""
        self._runs[key] = list(runs)
        self.save()

    def save(self) -> None:
        """Write the file anew."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        text = {
            "machine": self.machine,
            "facts": self.facts,
            "growth": self.growth,
            "runs": {SEPARATOR.join(key): runs for key, runs in self._runs.items()},
        }
        new = self._file.with_name(f"{self._file.name}.new")
        new.write_text(json.dumps(text, indent=1))
        new.replace(self._file)

    def figure(self, key: Key, name: str) -> float | None:
        """The median of one figure; None when it was not measured or could not be seen."""
        return median(run.get(name) for run in self.runs(key))

    def steps(self, key: Key) -> dict[str, float]:
        """The median of each step, in order."""
        names = [name for run in self.runs(key)[:1] for name in run["steps"]]
        found = {name: median(run["steps"].get(name) for run in self.runs(key)) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def ratio(self, ours: Key, theirs: Key, name: str = "wall") -> float | None:
        """How many times more a rival takes; above 1 Turnout is better."""
        mine, rival = self.figure(ours, name), self.figure(theirs, name)
        return rival / mine if mine and rival is not None else None


def median(values: Iterable[float | None]) -> float | None:
    """Of those that there are."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
