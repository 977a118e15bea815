"""What nobody expected: one short block on the screen, the rest in a file that an issue can quote."""

from __future__ import annotations

import os
import platform
import time
import traceback
from pathlib import Path

from turnout import __version__
from turnout.errors import TurnoutError


def cache_folder() -> Path:
    """TURNOUT_CACHE, else `$XDG_CACHE_HOME/turnout`, else `~/.cache/turnout` (DESIGN 7)."""
    own, shared = os.environ.get("TURNOUT_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if own:
        return Path(own).absolute()
    return (Path(shared) if shared and Path(shared).is_absolute() else Path.home() / ".cache") / "turnout"


def report(error: BaseException) -> TurnoutError:
    """Write the traceback to a file and give the error that says where it is."""
    said = f"{type(error).__name__}: {error}"
    text = "".join(traceback.format_exception(error))
    head = f"turnout {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    try:
        file = _write(head + text)
    except OSError as failure:
        return TurnoutError(
            "something unexpected happened",
            why=[*text.splitlines()[-12:], f"no log could be written: {failure}"],
        )
    return TurnoutError(
        "something unexpected happened", why=said, remedy=f"the whole story, for an issue, is in {file}"
    )


def _write(text: str) -> Path:
    folder = cache_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}.log"
    with os.fdopen(
        os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", errors="replace"
    ) as out:
        out.write(text)
    return file
