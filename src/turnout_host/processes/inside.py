"""Asks one worker on its private sockets: what it runs, how it fares, and whether it answers well (docs/drain.md).

Only a worker that has Turnout's module answers. That it is the worker is the kernel's word: the peer's pid.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import Any, Dict, List, NamedTuple, Optional

from turnout_host.layout import Layout
from turnout_host.probe import Answer, Probe
from turnout_host.processes import drain, rpc

PATIENCE = 2.0
"""Seconds for a worker to tell of itself; usually 1 ms. One whose event loop stands still does not."""
LIMIT = 64 << 10


class Inside(NamedTuple):
    """What a worker says: `script` is a real path, `rss` bytes, `stalls` its three longest of a minute in seconds."""

    script: str
    ports: List[int]
    draining: bool
    requests: int
    failed: int
    rss: int
    stalls: List[float]
    uptime: float


class Workers:
    """The workers of one app, each by its pid."""

    def __init__(self, layout: Layout) -> None:
        self._folder = str(drain.run_folder(layout))

    def ask(self, pid: int) -> Optional[Inside]:
        """What this worker says of itself; None when it has no socket, or does not answer in time."""
        try:
            with self._connect(pid, "s", PATIENCE) as connection:
                data = b""
                while len(data) < LIMIT:
                    part = connection.recv(LIMIT)
                    if not part:
                        break
                    data += part
            found = json.loads(data.decode("utf-8"))
            return _parsed(found) if isinstance(found, dict) else None
        except (OSError, ValueError, TypeError):
            return None

    def probe(self, pid: int, path: str, port: int, timeout: float) -> Optional[Answer]:
        """The health path, asked of this very worker; None when it has no HTTP server of Node's on that port."""
        if not os.path.exists(f"{self._folder}/{pid}.{port}"):
            return None
        return _Private(self, pid, path, port, timeout).ask()

    def _connect(self, pid: int, kind: str, timeout: float) -> socket.socket:
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            # a socket's path has at most 107 characters; this one is short, wherever the app lies
            connection.connect(f"/proc/self/fd/{folder}/{pid}.{kind}")
            if rpc.peer(connection) != pid:
                raise ConnectionRefusedError(f"another process than {pid} listens there")
        except BaseException:
            connection.close()
            raise
        finally:
            os.close(folder)
        return connection


class _Private(Probe):
    """A probe that reaches one worker, whoever else listens on the port."""

    def __init__(self, workers: Workers, pid: int, path: str, port: int, timeout: float) -> None:
        super().__init__(port, path, timeout, "localhost")
        self._workers, self._pid = workers, pid

    def _connection(self, host: str) -> http.client.HTTPConnection:
        return _Connection(self._workers, self._pid, host, self.port, self.timeout)


class _Connection(http.client.HTTPConnection):
    def __init__(self, workers: Workers, pid: int, host: str, port: int, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._workers, self._pid, self._patience = workers, pid, timeout

    def connect(self) -> None:
        """Over the worker's own socket."""
        self.sock = self._workers._connect(self._pid, str(self.port), self._patience)  # noqa: SLF001 - one idea, one file


def _parsed(found: Dict[str, Any]) -> Inside:
    return Inside(
        script=str(found.get("script") or ""),
        ports=[int(port) for port in found.get("ports") or []],
        draining=bool(found.get("draining")),
        requests=int(found.get("requests") or 0),
        failed=int(found.get("failed") or 0),
        rss=int(found.get("rss") or 0),
        stalls=[float(one) / 1000 for one in found.get("stalls") or []],
        uptime=float(found.get("uptime") or 0),
    )
