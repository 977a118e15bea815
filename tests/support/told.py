"""The one clear block that a failed command ends in, as a person reads it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.client import Run
from tests.support.site import API_KEY

WIDTH = 9
"""Columns before the text of a line: two spaces, the label, a space."""


@dataclass(frozen=True)
class Told:
    """Its parts, each a list of lines."""

    what: list[str]
    where: list[str]
    why: list[str]
    now: list[str]
    do: list[str]

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join([*self.what, *self.where, *self.why, *self.now, *self.do])


def told(run: Run, code: int, result: str = "failed") -> Told:
    """Check that a `--json` run failed like this and said so in one whole block and the last event; gives the block."""
    assert (run.code, run.finished["exit_code"], run.finished["result"]) == (code, code, result), run
    parts = _parts(run)
    block = Told(**{name: parts.get(name, []) for name in ("what", "where", "why", "now", "do")})
    assert block.what, run
    assert block.where, run
    assert block.now, run
    assert block.do, run
    assert block.what[0] == run.finished["error"]["message"].splitlines()[0]
    assert API_KEY not in run.out + run.err
    assert "Traceback" not in run.err
    return block


def _parts(run: Run) -> dict[str, list[str]]:
    """The lines of stderr by label; nothing but the block may stand there."""
    parts: dict[str, list[str]] = {}
    label = ""
    for line in run.err.splitlines():
        if line.startswith("✗ "):
            assert not parts, run
            label = "what"
            parts[label] = [line[2:]]
        else:
            assert label, run
            assert line.startswith("  "), run
            label = line[:WIDTH].strip() or label
            parts.setdefault(label, []).append(line[WIDTH:])
    return parts
