"""The host program on this machine, behind two pipes: fast tests, and deploys to the machine itself."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from typing import IO

from turnout.hosts.base import LinkLost
from turnout.hosts.loader import CODE
from turnout.model import LOCAL, Address

ENDING = 3.0
"""Seconds that the process gets to end after its input was closed; then it is let go, as sshd would."""
TAIL = 8 << 10
"""Bytes of standard error that are kept."""


class LocalTransport:
    """Starts the loader with `python`, by default the one that runs the deployer."""

    def __init__(self, address: Address | None = None, python: str = sys.executable) -> None:
        self.address = address or Address.parse(LOCAL)
        self._python = python

    async def open(self) -> LocalLink:
        """See Transport. In a session of its own: Ctrl-C is for the deployer, which ends it in order."""
        process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's own would kill it when it is let go
            [self._python, "-I", "-u", "-c", CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return await LocalLink.attach(process)


class LocalLink:
    """The pipes of one child."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        stdin: asyncio.StreamWriter,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader,
    ) -> None:
        self._process, self._stdin, self._stdout = process, stdin, stdout
        self._tail = b""
        self._listener = asyncio.create_task(self._listen(stderr))

    @classmethod
    async def attach(cls, process: subprocess.Popen[bytes]) -> LocalLink:
        """Wrap the pipes of `process` for asyncio."""
        assert process.stdin
        assert process.stdout
        assert process.stderr
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
        transport, _ = await loop.connect_write_pipe(lambda: protocol, process.stdin)
        stdin = asyncio.StreamWriter(transport, protocol, None, loop)
        return cls(process, stdin, await _reader(process.stdout), await _reader(process.stderr))

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        while data := await stderr.read(TAIL):
            self._tail = (self._tail + data)[-TAIL:]

    async def read(self, n: int) -> bytes:
        """See Link."""
        try:
            return await self._stdout.read(n)
        except OSError as error:
            raise LinkLost(str(error)) from None

    async def write(self, data: bytes) -> None:
        """See Link."""
        try:
            self._stdin.write(data)
            await self._stdin.drain()
        except (OSError, RuntimeError) as error:
            raise LinkLost("the host program ended") from error

    async def exit_status(self) -> int | None:
        """See Link."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, ENDING)
            await asyncio.wait([self._listener], timeout=ENDING)  # its last words may still be in the pipe
        return self._process.returncode

    def stderr_tail(self) -> list[str]:
        """See Link."""
        return self._tail.decode("utf-8", "replace").splitlines()[-20:]

    def abort(self) -> None:
        """See Link."""
        self._stdin.transport.abort()

    async def close(self) -> None:
        """See Link."""
        self._stdin.close()
        await self.exit_status()
        self._listener.cancel()


async def _reader(pipe: IO[bytes]) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader
