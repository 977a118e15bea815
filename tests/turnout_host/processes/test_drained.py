"""What is in flight when a worker of an app without shutdown code is told to end (docs/drain.md)."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.turnout_host.site import Site, until
from turnout_host import proc

pytestmark = pytest.mark.integration
APP = """\
const http = require('http');
const server = http.createServer((request, response) => {
  if (request.url === '/long') return void setTimeout(() => response.end('late'), 2500);
  if (request.url === '/stream') {
    response.write('begun ');
    return void setTimeout(() => response.end('ended'), 2500);
  }
  response.end('{}');
});
server.on('upgrade', (request, socket) => socket.write('HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n'));
server.listen(Number(process.env.PORT), '127.0.0.1');
"""


@pytest.fixture
def served() -> Iterator[Site]:
    """One worker serves; it has 5 s to drain."""
    made = Site(drain=True, drain_timeout=5)
    try:
        for name in ("v1", "v2"):
            (made.release(name, extra="{ instances: 1 }") / "server.js").write_text(APP)
        made.prove("v1", made.reload("v1"))
        yield made
    finally:
        made.close()


def worker(site: Site) -> int:
    return next(process.pid for process in site.pm2.processes() if process.pid)


class Asked(threading.Thread):
    """A request under way."""

    def __init__(self, site: Site, path: str) -> None:
        super().__init__()
        self.link = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
        self.link.request("GET", path)
        self.body, self.closes = b"", None
        self.start()

    def run(self) -> None:
        response = self.link.getresponse()
        self.body, self.closes = response.read(), response.getheader("Connection")
        self.link.close()


def running(site: Site) -> int:
    return site.pm2.insides()[worker(site)].requests


def test_running_requests_end(served: Site) -> None:
    """A long request is answered with `Connection: close`, one whose head was sent is completed."""
    old, before = worker(served), running(served)
    long, stream = Asked(served, "/long"), Asked(served, "/stream")
    until(lambda: running(served) >= before + 2)
    served.prove("v2", served.reload("v2"))
    long.join()
    stream.join()
    assert (long.body, long.closes) == (b"late", "close")
    assert stream.body == b"begun ended"
    assert not proc.alive(old)


def test_a_websocket_is_cut_when_the_time_is_up(served: Site) -> None:
    """It never ends by itself: it lives as long as the drain may take; the proof waits for nothing else so long."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as web:
        web.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert b"101" in web.recv(4096)
        served.prove("v2", served.reload("v2"), start_period=0.3)
        assert web.recv(4096) == b""


def test_an_idle_connection_is_cut_a_second_later(served: Site) -> None:
    """A client that kept its connection, and one that never sent a byte, see an orderly end."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(4096).startswith(b"HTTP/1.1 200")
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as mute:
            old = worker(served)
            os.kill(old, signal.SIGINT)
            until(lambda: (told := served.pm2.workers.ask(old)) and told.draining)
            kept.settimeout(20)
            kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = kept.recv(4096)
            assert b"Connection: close" in answer
            assert mute.recv(4096) == b""
