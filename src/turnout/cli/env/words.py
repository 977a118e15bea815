"""The arguments of `turnout env`: an environment that may be left out, then keys or a file."""

from __future__ import annotations

import re
from pathlib import Path

from turnout.errors import UsageError

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def split(words: list[str | None], config: Path | None, most: int) -> tuple[str | None, list[str]]:
    """The environment, if the first word names one, and the other words; UsageError when there are more than `most`."""
    from turnout.config import load

    rest, environment = [word for word in words if word is not None], None
    if rest and (rest[0] in load(config, Path.cwd()).environments or len(rest) > most):
        environment, rest = rest[0], rest[1:]
    if len(rest) > most:
        raise UsageError(f"too many arguments: {len(words)}", remedy="turnout env --help")
    return environment, rest


def key(word: str) -> str:
    """The name of a key. One with `=` is refused without being repeated: it may carry a secret."""
    name, equals, _ = word.partition("=")
    if equals:
        shown = name if KEY.fullmatch(name) else "KEY"
        raise UsageError(
            "a value may not be an argument: it would stay in the shell's history and show up in the list of processes",
            where=f"the argument {shown}=…",
            remedy=[
                f"turnout env set {shown}    asks for it, unseen",
                f"turnout env set {shown} < FILE    reads it from a file or a pipe",
            ],
        )
    if not KEY.fullmatch(word):
        raise UsageError(
            f"{word!r} is not the name of a variable", why="letters, digits and `_`, no digit first"
        )
    return word
