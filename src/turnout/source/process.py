"""Runs git: an argument list, a cleaned environment, and settings under which it writes nothing of the user's."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from turnout.errors import BuildError

KEPT = (
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CEILING_DIRECTORIES",
)
"""The GIT_* variables that do not point git at another repository, index or object store."""

SETTINGS = (
    "--no-pager",
    "--no-optional-locks",  # `status` would else refresh the user's index
    *("-c", "core.hooksPath=/dev/null"),  # read-tree would run the user's post-index-change
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.autocrlf=false"),  # contents as they are in the revision
    *("-c", "core.symlinks=true"),
    *("-c", "core.quotePath=false"),
    *("-c", "advice.detachedHead=false"),
)

SILENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never"}
"""Nobody is asked for a password, in no window either; the terminal is out of reach for git and its ssh."""


class Answer(NamedTuple):
    """How git ended: exit status, output, and what it said on standard error."""

    status: int
    out: str
    err: str


def clean(env: Mapping[str, str]) -> dict[str, str]:
    """`env` without what would lead git elsewhere; replacement objects are off: a hash means its own contents."""
    rest = {key: value for key, value in env.items() if not key.startswith("GIT_") or key in KEPT}
    return rest | SILENT | {"GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}


async def git(args: Sequence[str], cwd: Path, **env: str) -> Answer:
    """Run git to its end. Raises BuildError when git is not installed."""
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *SETTINGS,
            *args,
            cwd=cwd,
            env=clean(os.environ) | env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if error.filename != "git":
            raise
        raise BuildError("git is not installed on this machine", remedy="apt install git") from None
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with the ssh that it started
            await process.wait()
    assert process.returncode is not None
    text = out.decode("utf-8", "surrogateescape")
    return Answer(process.returncode, text, err.decode("utf-8", "replace").strip())
