"""Runs commands: the user's own as written, others as argument lists; each with its whole group, and ended with it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from turnout import failpoints
from turnout.builder import placeholder
from turnout.errors import BuildError

TAIL = 40
"""Lines of output that are kept for messages."""
LINE = 2000
"""Characters of a line that are kept: some tools print a whole bundle as one line."""
DRAIN = 5.0
"""Seconds to wait for the end of the output when a command is over, but something it started holds on to it."""

OWN = ("VPS_", "TURNOUT_")
OWN_NAMES = (
    "GITHUB_TOKEN",
    # a line in one of these files is a command for GitHub's runner, and not the app's to give
    *("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"),
    *("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
)
UNFIT = ("npm_lifecycle_", "npm_package_", "npm_execpath", "npm_node_execpath", "npm_command", "INIT_CWD")
"""What npm leaves in the environment when Turnout itself was started by an npm script."""
DECIDING = (
    "NODE_ENV",
    "npm_config_production",
    "npm_config_omit",
    "npm_config_include",
    "npm_config_only",
    "npm_config_dev",
    "npm_config_global",
    "npm_config_prefix",
    "npm_config_local_prefix",
)
"""What would change the result without being part of any key; `[build] env` brings one back, into the key too."""

QUIET = {
    "npm_config_audit": "false",
    "npm_config_fund": "false",
    "npm_config_progress": "false",
    "npm_config_update_notifier": "false",
    "CHECKPOINT_DISABLE": "1",
    "PRISMA_HIDE_UPDATE_MESSAGE": "1",
}
Say = Callable[[str], None]
"""Takes one line of output."""


class Finished(NamedTuple):
    """How a command ended: its exit status (negative: the signal) and its last lines."""

    status: int
    tail: list[str]


class Tail:
    """The last lines, without the page of help that npm prints behind a usage error: it would push the reason out."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=TAIL)
        self._helping = False

    def take(self, line: str) -> None:
        """One more line."""
        npm = line.startswith(("npm error", "npm ERR!"))
        self._helping = npm and (self._helping or line.endswith(" Usage:"))
        if not self._helping:
            self.lines.append(line)


def environment(
    dirs: Sequence[Path],
    extra: Iterable[str] = (),
    base: Mapping[str, str] | None = None,
    source: Path | None = None,
) -> dict[str, str]:
    """The caller's environment for build commands: without Turnout's own secrets, `dirs` first in PATH.

    `extra` are the names of `[build] env`: the user asked for them, so they stay. `source` is the app's folder, for a
    DATABASE_URL where there is none: without a fitting one `prisma generate` wants to download an engine (FACTS).
    """
    base, wanted = os.environ if base is None else base, set(extra)
    env = {key: value for key, value in base.items() if key in wanted or not _dropped(key)}
    env["PATH"] = os.pathsep.join([*map(os.fspath, dirs), base.get("PATH", os.defpath)])
    env.setdefault("DATABASE_URL", placeholder.url(source))
    return env | {key: value for key, value in QUIET.items() if key not in wanted}


def _dropped(key: str) -> bool:
    return key.startswith(OWN + UNFIT) or key in OWN_NAMES or key in DECIDING


async def run(command: str, cwd: Path, env: Mapping[str, str], on_line: Say | None = None) -> Finished:
    """Run one of the user's commands as it is written. Raises BuildError with its last lines when it fails."""
    failpoints.middle()
    finished = await execute(["/bin/sh", "-c", command], cwd, env, on_line)
    if finished.status:
        how = (
            f"was ended by signal {-finished.status}"
            if finished.status < 0
            else f"exited with {finished.status}"
        )
        raise BuildError(f"`{command}` {how}", why=finished.tail)
    return finished


async def execute(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], on_line: Say | None = None
) -> Finished:
    """Run `argv` in a process group of its own, both streams line by line to `on_line`.

    When it is over, fails or is cancelled, what is left of its group is killed.
    """
    tail = Tail()
    async with _pipe() as (stream, sink):
        process = await _start(argv, cwd, env, sink)
        reading = asyncio.ensure_future(_read(stream, tail, on_line))
        try:
            status = await process.wait()
            kill(process.pid)
            await asyncio.wait([reading], timeout=DRAIN)
            if reading.done():
                reading.result()
        finally:
            reading.cancel()
            kill(process.pid)
            await process.wait()
    return Finished(status, list(tail.lines))


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """A pipe of our own: with asyncio's, `Process.wait` also waits for everybody who holds its other end."""
    source, sink = os.pipe()
    stream = asyncio.StreamReader()
    try:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(source, "rb", buffering=0)
        )
    except BaseException:
        os.close(sink)
        raise
    try:
        yield stream, sink
    finally:
        transport.close()


async def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], sink: int
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        os.close(sink)  # the child has its own; only then does the stream end with it


async def _read(stream: asyncio.StreamReader, tail: Tail, on_line: Say | None) -> None:
    """Cut the output into lines, without the limit on their length that StreamReader.readline has."""
    rest = b""
    while part := await stream.read(1 << 16):
        *lines, rest = (rest + part).split(b"\n")
        rest = rest[-8 * LINE :]
        for line in lines:
            _tell(line, tail, on_line)
    if rest:
        _tell(rest, tail, on_line)


def _tell(raw: bytes, tail: Tail, on_line: Say | None) -> None:
    line = raw.decode("utf-8", "replace").rstrip("\r")[:LINE]
    tail.take(line)
    if on_line:
        on_line(line)


def kill(group: int) -> None:
    """Kill a process group that we started; none left is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
