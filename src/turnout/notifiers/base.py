"""What a notifier is: something that can carry a message to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from turnout.notifiers.message import Message


class NotDelivered(Exception):
    """A message did not arrive; the text says why, without any part of an address."""


class Notifier(Protocol):
    """One target of `[[notify]]`."""

    @property
    def name(self) -> str:
        """How people know it: the service, never its address."""
        ...

    def wants(self, message: Message) -> bool:
        """Whether it was asked to tell of this."""
        ...

    async def send(self, message: Message) -> None:
        """Bring the message there. Raises NotDelivered; whatever else is raised counts as that."""
        ...
