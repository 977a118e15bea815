"""Brings a message to a notifier without ever doing harm: tried twice, within a limit, and a failure is a sentence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from turnout.notifiers.base import NotDelivered

if TYPE_CHECKING:
    from turnout.notifiers.base import Notifier
    from turnout.notifiers.message import Message

LIMIT = 10.0
"""Seconds that one message may take in all; Apprise itself gives a server 4 to connect and 4 to answer."""
TRIES = 2
PAUSE = 0.5
"""Seconds between them."""


async def deliver(notifier: Notifier, message: Message, limit: float = LIMIT, pause: float = PAUSE) -> str:
    """Send the message; "" when it arrived, else why it did not. Raises nothing but a cancellation."""
    reason = ""
    try:
        async with asyncio.timeout(limit):
            for number in range(TRIES):
                if number:
                    await asyncio.sleep(pause)
                reason = await _once(notifier, message)
                if not reason:
                    return ""
    except TimeoutError:
        reason = reason or f"no answer within {limit:.0f} s"
    return f"{notifier.name} could not be told: {reason}"


async def _once(notifier: Notifier, message: Message) -> str:
    try:
        await notifier.send(message)
    except NotDelivered as error:
        return str(error) or "it was not taken"
    except Exception as error:  # noqa: BLE001 - a notifier never fails a deployment
        return f"{type(error).__name__} in the notifier"  # its text could hold the address
    return ""
