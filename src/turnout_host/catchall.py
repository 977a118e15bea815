"""Does the health path answer by itself, or does a route that catches everything answer for it?

An app that lost its health route may still answer 200 there, with the page that it gives for any address. What is usual
for an app is told by the release that serves: only one that told the two apart before must do so now.
"""

from __future__ import annotations

import http.client
from typing import Optional, Tuple

NOWHERE = "/turnout-asks-for-a-page-that-is-not-there"
LIMIT = 64 << 10


def catches_all(port: int, path: str, timeout: float) -> bool:
    """Whether `path` and an address that no app has get the same good answer, of one process."""
    health = _page(port, path, timeout)
    return health is not None and _good(health) and health == _page(port, NOWHERE, timeout)


def tells_apart(port: int, path: str, timeout: float) -> bool:
    """Whether `path` gets a good answer, and an address that no app has gets none.

    Bodies are not compared: several workers answer here, each with a pid and an uptime of its own.
    """
    health, nowhere = _page(port, path, timeout), _page(port, NOWHERE, timeout)
    return health is not None and nowhere is not None and _good(health) and not _good(nowhere)


def _good(page: Tuple[int, bytes]) -> bool:
    return 200 <= page[0] < 300


def _page(port: int, path: str, timeout: float) -> Optional[Tuple[int, bytes]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close", "User-Agent": "turnout"})
        response = connection.getresponse()
        return response.status, response.read(LIMIT)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
