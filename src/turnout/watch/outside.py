"""The health as people reach it: one GET of the environment's `url` from here, with what its certificate says."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import ssl
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

SOON = 14
"""Days before its end from which a certificate is worth a warning; renewal usually comes 30 days before."""
LIMIT = 64 << 10
"""Bytes of a body that are read."""


@dataclass
class Outside:
    """What came back. `seconds` is all of it, name look-up and TLS included; `expires` is in seconds since 1970."""

    url: str
    ok: bool = False
    status: int | None = None
    seconds: float | None = None
    reason: str = ""
    expires: float | None = None
    certificate: str = ""
    """What is wrong with the certificate; "" when it is good, or where there is none."""

    def as_json(self) -> dict[str, Any]:
        """The object of docs/json.md."""
        return asdict(self)


def address(url: str, path: str) -> str:
    """What is asked: `url` with the health path, or as it is where it has a path of its own."""
    parts = urlsplit(url)
    return url if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}{path}"


async def ask(url: str, limit: float, trust: ssl.SSLContext | None = None) -> Outside:
    """One question, answered after `limit` seconds at the latest, whatever hangs. Never raises."""
    found: asyncio.Future[Outside] = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def tell(answer: Outside) -> None:
        if not found.done():
            found.set_result(answer)

    def work() -> None:
        answer = _ask(url, limit, trust or ssl.create_default_context())
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(tell, answer)

    # a thread of our own: a look-up of a name knows no limit, and nobody must wait for it at the end
    threading.Thread(target=work, daemon=True).start()
    try:
        async with asyncio.timeout(limit + 0.5):
            return await found
    except TimeoutError:
        return Outside(url, reason=f"no whole answer within {limit:g} s")


def _ask(url: str, timeout: float, trust: ssl.SSLContext) -> Outside:
    answer, began = Outside(url), time.monotonic()
    connection = _connection(url, timeout, trust)
    until = threading.Timer(timeout, _cut, [connection])
    until.daemon = True
    until.start()
    try:
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            answer.certificate = f"the certificate is not good: {error.verify_message.rstrip('.')}"
            connection = _connection(
                url, timeout, _anything()
            )  # what it answers is worth knowing all the same
            until.args = [connection]
            connection.connect()
        _converse(connection, url, answer)
    except ConnectionRefusedError:
        answer.reason = "the connection was refused"
    except socket.gaierror:
        answer.reason = f"the name {urlsplit(url).hostname} is not known"
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = isinstance(error, TimeoutError) or time.monotonic() - began >= timeout
        answer.reason = f"no whole answer within {timeout:g} s" if late else f"the connection failed: {error}"
    finally:
        until.cancel()
        connection.close()
    answer.seconds = round(time.monotonic() - began, 4) if answer.status is not None else None
    answer.reason = answer.reason or answer.certificate
    answer.ok = not answer.reason
    return answer


def _connection(url: str, timeout: float, trust: ssl.SSLContext) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = str(parts.hostname)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=trust)
    return http.client.HTTPConnection(host, parts.port, timeout=timeout)


def _anything() -> ssl.SSLContext:
    """Takes every certificate: only to see the status behind one that was refused, which stays a failure."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _converse(connection: http.client.HTTPConnection, url: str, answer: Outside) -> None:
    if isinstance(connection.sock, ssl.SSLSocket):
        ends = (connection.sock.getpeercert() or {}).get("notAfter")  # empty where it was not verified
        answer.expires = ssl.cert_time_to_seconds(ends) if isinstance(ends, str) else None
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", target, headers={"Connection": "close", "User-Agent": "turnout"})
    response = connection.getresponse()
    response.read(LIMIT)
    answer.status = response.status
    if 300 <= response.status < 400:
        answer.reason = f"status {response.status}, a redirect to {response.headers.get('Location', '')}"
    elif not 200 <= response.status < 300:
        answer.reason = f"status {response.status}"


def _cut(connection: http.client.HTTPConnection) -> None:
    """A timeout of the socket alone never fires while single bytes arrive."""
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def warning(answer: Outside, now: float) -> str:
    """What is to be said of a certificate that is still good: that it ends soon; "" otherwise."""
    if answer.expires is None:
        return ""
    days = (answer.expires - now) / 86400
    return f"the certificate ends in {days:.0f} days" if days < SOON else ""
