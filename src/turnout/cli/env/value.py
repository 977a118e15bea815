"""Where values come from: a hidden prompt, standard input, or $EDITOR on a file that nobody else can read."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from turnout.errors import UsageError
from turnout.model import Secret


def one(key: str) -> Secret:
    """The value of a key: asked for without an echo on a terminal, else all of standard input.

    The one newline that `echo` and editors put at the end is not part of it.
    """
    if sys.stdin.isatty():
        try:
            return Secret(getpass.getpass(f"{key}: ", stream=sys.stderr))
        except EOFError:
            raise UsageError(f"no value was given for {key}: nothing was changed") from None
    return Secret(stdin().reveal().removesuffix("\n").removesuffix("\r"))


def stdin() -> Secret:
    """All of standard input. Raises UsageError where it is not UTF-8."""
    return text(sys.stdin.buffer.read(), "standard input")


def text(data: bytes, where: str) -> Secret:
    """Bytes as text. Raises UsageError where they are not UTF-8."""
    try:
        return Secret(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise UsageError(f"{where} is not UTF-8") from None


def edited(before: Secret, name: str) -> Secret:
    """What a person makes of a text in $VISUAL or $EDITOR. The file is 0600, in a folder 0700, and gone afterwards."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError(
            "no editor is set", why="neither VISUAL nor EDITOR is", remedy="EDITOR=nano turnout env set …"
        )
    runtime = os.environ.get("XDG_RUNTIME_DIR")  # in memory, where there is one
    with tempfile.TemporaryDirectory(
        prefix="turnout-", dir=runtime if runtime and Path(runtime).is_dir() else None
    ) as folder:
        file = Path(folder) / name
        file.touch(0o600)
        file.write_text(before.reveal(), encoding="utf-8", errors="surrogateescape")
        try:
            ended = subprocess.run([*shlex.split(editor), str(file)], check=False)
            left = file.read_bytes()
        except (OSError, ValueError) as error:
            raise UsageError(
                "the editor could not be used: nothing was changed", where=editor, why=str(error)
            ) from None
        if ended.returncode:
            raise UsageError(
                f"the editor ended with status {ended.returncode}: nothing was changed", where=editor
            )
        return text(left, "what the editor left")
