"""One question to the app: GET, on a new connection, with one deadline for all of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from typing import Any, Dict, NamedTuple, Optional, Tuple

LIMIT = 64 << 10
"""Bytes of a body that are read."""


class Answer(NamedTuple):
    """What came back after `seconds`. `status` is None when no whole answer came; `reason` is "" when `ok`."""

    ok: bool
    status: Optional[int]
    seconds: float
    body: Optional[Dict[str, Any]]
    reason: str


class Probe:
    """Asks `http://HOST:PORT/PATH`; a whole answer must come within `timeout` seconds."""

    def __init__(self, port: int, path: str, timeout: float, host: str = "127.0.0.1") -> None:
        self.port, self.path, self.timeout, self._host = port, path, timeout, host

    def ask(self) -> Answer:
        """One GET. Never raises: what goes wrong is the answer. Only 2xx is ok; a redirect is not followed."""
        begun = time.monotonic()
        status, body, reason = self._ask(self._host)
        if status is None and reason == REFUSED and self._host == "127.0.0.1":
            # Node 17 and later may bind "localhost" to ::1 alone
            status, body, reason = self._ask("::1")
        return Answer(not reason, status, round(time.monotonic() - begun, 4), body, reason)

    def _ask(self, host: str) -> Tuple[Optional[int], Optional[Dict[str, Any]], str]:
        connection = self._connection(host)
        late = threading.Event()
        timer = threading.Timer(self.timeout, _cut, [connection, late])
        timer.daemon = True
        timer.start()
        try:
            connection.request(
                "GET",
                self.path,
                headers={"Connection": "close", "User-Agent": "turnout", "Accept": "application/json"},
            )
            response = connection.getresponse()
            data = response.read(LIMIT)
            if late.is_set():
                return None, None, self._slow()
            if response.length and len(data) < LIMIT:  # read(n) is silent about an early end
                return None, None, CUT
            return response.status, _object(data), _judged(response)
        except ConnectionRefusedError:
            return None, None, REFUSED
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set() or isinstance(error, socket.timeout):
                return None, None, self._slow()
            return None, None, CUT
        finally:
            timer.cancel()
            connection.close()

    def _connection(self, host: str) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(host, self.port, timeout=self.timeout)

    def _slow(self) -> str:
        return f"no whole answer within {self.timeout:g} s"


REFUSED = "the connection was refused"
CUT = "the connection was cut, or the answer is no HTTP"


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """End a request whose time is up: a timeout of the socket alone never fires while single bytes arrive."""
    late.set()
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _judged(response: http.client.HTTPResponse) -> str:
    if 200 <= response.status < 300:
        return ""
    if 300 <= response.status < 400:
        return f"status {response.status}, a redirect: the health path must answer by itself"
    return f"status {response.status}"


def _object(data: bytes) -> Optional[Dict[str, Any]]:
    try:
        found = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
