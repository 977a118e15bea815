"""A target of `[[notify]]` through Apprise, which knows some 130 services by their urls."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from turnout.notifiers.base import NotDelivered

if TYPE_CHECKING:
    from turnout.config.schema import Notify
    from turnout.model import Secret
    from turnout.notifiers.message import Message

TYPES = {"success": "success", "failure": "failure", "reverted": "warning"}
"""Apprise's own kinds, which many services show as a colour; the others are `info`."""
PREFIX = "env:"
_WORD = re.compile(r"[^A-Za-z0-9]+")


class Channel:
    """One target. Its url is a secret: it is read from `variables` when it is needed, and never told."""

    def __init__(self, target: Notify, number: int, variables: Mapping[str, str] | None = None) -> None:
        self._target, self._variables = target, os.environ if variables is None else variables
        self.name = f"[[notify]] {number}"

    def wants(self, message: Message) -> bool:
        """See Notifier."""
        return any(event in self._target.events for event in message.events)

    async def send(self, message: Message) -> None:
        """See Notifier. In a thread that may be left behind: some services can hang for long."""
        url = resolved(self._target.url, self._variables)
        await beside(lambda: self._send(url, message))

    def _send(self, url: str, message: Message) -> None:
        service = opened(url)
        self.name = f"{self.name.partition(' (')[0]} ({service[0].service_name})"
        told = service.notify(
            body=message.body,
            title=message.title,
            notify_type=TYPES.get(message.events[0], "info"),
            body_format="text",
        )
        if not told:
            raise NotDelivered(hidden(_reason(told), url))


def resolved(url: Secret, variables: Mapping[str, str]) -> str:
    """The url itself; `env:NAME` stands for what the variable holds. Raises NotDelivered when it holds nothing."""
    written = url.reveal()
    if not written.startswith(PREFIX):
        return written
    name = written.removeprefix(PREFIX)
    if not (found := variables.get(name, "").strip()):
        raise NotDelivered(f"the variable {name} is not set")
    return found


def opened(url: str) -> Any:
    """Apprise with this one service. Raises NotDelivered when it does not know it."""
    import apprise

    quiet()
    service = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Turnout", app_desc="Turnout", app_url=""))
    if not service.add(url):
        raise NotDelivered("Apprise does not understand its url")
    return service


def quiet() -> None:
    """What Apprise logs goes nowhere: it could name an address, and nobody asked for it on the screen."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _reason(told: Any) -> str:
    """Apprise's own words for what went wrong, the last of them."""
    with contextlib.suppress(Exception):
        lines = [str(entry.message) for result in told for entry in result.logs()]
        if lines:
            return lines[-1]
    return "the service did not take it"


def hidden(reason: str, url: str) -> str:
    """The reason without any part of the url that could be a token: words of the url from its path, login and query."""
    scheme, _, rest = url.partition("://")
    words = {word for part in (rest, unquote(rest)) for word in _WORD.split(part) if len(word) >= 4}
    for word in sorted(words - {scheme, "json", "xml", "hooks", "https", "http"}, key=len, reverse=True):
        reason = re.sub(re.escape(word), "…", reason, flags=re.IGNORECASE)
    return reason


async def beside(act: Callable[[], None]) -> None:
    """Run `act` in a thread of its own that does not keep the program alive: one of a pool would."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def tell(error: BaseException | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    def work() -> None:
        error: BaseException | None = None
        try:
            act()
        except BaseException as raised:  # noqa: BLE001 - a notifier does no harm, whatever it raises
            error = raised if isinstance(raised, Exception) else NotDelivered(type(raised).__name__)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, error)

    threading.Thread(target=work, name="notifier", daemon=True).start()
    await ended
