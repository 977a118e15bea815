"""What a transport is: a way to start the host program somewhere and to speak with it over two pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from turnout.model import Address


class LinkLost(Exception):
    """The link ended or broke; the text is the reason in plain words. HostClient turns it into Unreachable."""


class Link(Protocol):
    """Standard input and output of a loader that was started on the host."""

    async def read(self, n: int) -> bytes:
        """Up to `n` bytes, b"" at the end. Raises LinkLost."""
        ...

    async def write(self, data: bytes) -> None:
        """Take all of `data` at once, then wait until there is room for more: only the waiting can be cancelled.

        Raises LinkLost.
        """
        ...

    async def exit_status(self) -> int | None:
        """How the far process ended; waits a moment for it. None: killed, still running, or not known."""
        ...

    def stderr_tail(self) -> list[str]:
        """The last lines that the far process wrote to its standard error."""
        ...

    def abort(self) -> None:
        """Drop the link at once; reads and writes that wait raise LinkLost. It is still to be closed."""
        ...

    async def close(self) -> None:
        """Close the pipes, give the far process a moment to end, and let go; takes a few seconds at most."""
        ...


class Transport(Protocol):
    """Opens links to one host."""

    @property
    def address(self) -> Address:
        """The host, as the configuration names it."""
        ...

    async def open(self) -> Link:
        """Start the loader on the host. Raises Unreachable, HostKeyError or LoginError."""
        ...
