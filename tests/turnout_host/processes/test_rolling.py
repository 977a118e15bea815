"""The order in which a rolling reload asks, with a daemon that answers when the test says so."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from tests.turnout_host.processes.test_rpc import message
from tests.turnout_host.site import Site, until
from turnout_host.processes import rpc
from turnout_host.processes.rolling import Stopped, roll


class Daemon:
    """Takes requests in; `answer` answers the one about a worker."""

    def __init__(self) -> None:
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind("rpc.sock")
        self.server.listen()
        self.asked: list[int] = []
        self.open: dict[int, socket.socket] = {}
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection = self.server.accept()[0]
            except OSError:
                return
            data = connection.recv(65536)
            request = json.loads(data[7 : 5 + struct.unpack(">I", data[1:5])[0]])
            number = request["args"][0]["id"]
            self.open[number] = connection
            self.asked.append(number)

    def answer(self, number: int, text: bytes = b'{"args":[null]}') -> None:
        with self.open.pop(number) as connection:
            connection.sendall(message(b"j:" + text, b"s:1"))


@pytest.fixture
def daemon(tmp_path, monkeypatch) -> Iterator[Daemon]:
    monkeypatch.chdir(tmp_path)  # a socket's path has at most 107 characters
    found = Daemon()
    yield found
    found.server.shutdown(socket.SHUT_RDWR)
    found.server.close()


class Rolling(threading.Thread):
    """A rolling reload of workers 0 to 2 under way; `error` is how it ended."""

    def __init__(self, limit: float = 20.0) -> None:
        super().__init__()
        self.serving: set[int] = set()
        self.halt = threading.Event()
        self.error: Exception | None = None
        self.limit = limit
        self.start()

    def run(self) -> None:
        requests = [(number, {}) for number in range(3)]
        try:
            roll("rpc.sock", requests, self.serving.__contains__, self.halt.is_set, self.limit)
        except Exception as error:
            self.error = error


def test_the_next_worker_boots_while_the_old_one_before_it_drains(daemon):
    """Its turn comes when the new one serves; but never do two old ones drain beside it."""
    rolling = Rolling()
    until(lambda: daemon.asked == [0])
    rolling.serving.add(0)
    until(lambda: daemon.asked == [0, 1])
    rolling.serving.add(1)
    rolling.join(0.2)
    assert daemon.asked == [0, 1]
    daemon.answer(0)
    until(lambda: daemon.asked == [0, 1, 2])
    rolling.serving.add(2)
    rolling.join(0.2)
    assert rolling.is_alive()
    daemon.answer(1)
    rolling.join(20)  # the old one of the last may drain on: the proof waits for it
    assert (rolling.is_alive(), rolling.error) == (False, None)


def test_a_worker_that_does_not_say_that_it_serves_is_waited_for_until_pm2_says_so(daemon):
    """As PM2's own command does it."""
    rolling = Rolling()
    for number in range(3):
        until(lambda number=number: daemon.asked == list(range(number + 1)))
        rolling.join(0.1)
        daemon.answer(number)
    rolling.join(20)
    assert (rolling.error, daemon.asked) == (None, [0, 1, 2])


@pytest.mark.parametrize("serving", [set(), {0}])
def test_after_a_stop_no_other_worker_is_asked_for(daemon, serving):
    """Whether the new worker is waited for, or an old one that drains."""
    rolling = Rolling()
    until(lambda: daemon.asked == [0])
    rolling.serving |= serving
    until(lambda: daemon.asked == [0, *[1 for _ in serving]])
    rolling.halt.set()
    rolling.join(20)
    assert isinstance(rolling.error, Stopped)
    assert 2 not in daemon.asked


def test_what_pm2_refuses_ends_it(daemon):
    """The others stay as they are; what it said is told."""
    rolling = Rolling()
    until(lambda: daemon.asked == [0])
    daemon.answer(0, b'{"error":"PM2 ID unknown"}')
    rolling.join(20)
    assert isinstance(rolling.error, rpc.RpcError)
    assert "PM2 ID unknown" in str(rolling.error)
    assert daemon.asked == [0]


def test_a_daemon_that_never_answers_is_not_waited_for_without_end(daemon):
    """Each worker has its time."""
    rolling = Rolling(limit=0.2)
    rolling.join(20)
    assert isinstance(rolling.error, rpc.RpcError)
    assert daemon.asked == [0]


VOLATILE = {
    *(
        "restart_time",
        "pm_uptime",
        "created_at",
        "unique_id",
        "status",
        "unstable_restarts",
        "prev_restart_delay",
    ),
    *("axm_monitor", "axm_actions", "axm_options", "axm_dynamic", "exit_code", "version", "node_version"),
}


@pytest.mark.integration
def test_pm2_stores_what_its_own_command_would_have_made_it_store():
    """Sizes, tables of an environment, words for Node, variables that went or came: all as by `pm2 startOrReload`."""
    site = Site(drain=True)
    try:
        site.release("v1", extra="{ max_memory_restart: '300M', env: { OLD: '1', BOTH: '1' } }")
        more = "env: { BOTH: '2', TABLE: { a: 1 } }, env_production: { ONLY: 'there' }, args: 'one two'"
        site.release("v2", extra=f"{{ max_memory_restart: '200M', {more}, node_args: '--no-warnings' }}")
        site.reload("v1")
        site.hand("set", "app:word", "one")
        before = workers(site)
        site.reload("v2")
        rolled = stored(site)
        assert not workers(site) & before
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(site.toolchain), "pm2_library", "")
            site.reload("v2")
        commanded = stored(site)
    finally:
        site.close()
    assert rolled == commanded
    assert rolled[0]["max_memory_restart"] == 200 << 20
    assert (rolled[0]["BOTH"], rolled[0]["word"]) == ("2", "one")


def workers(site: Site) -> set[int | None]:
    return {process.pid for process in site.pm2.processes()}


def stored(site: Site) -> list[dict[str, object]]:
    """What the daemon holds of each worker; the command leaves a word about itself in the environment."""
    found = []
    for raw in site.pm2._raw():
        entry = {key: value for key, value in raw["pm2_env"].items() if key not in VOLATILE}
        entry["env"] = {key: entry["env"][key] for key in entry["env"] if not key.startswith("PM2_")}
        found.append({key: entry[key] for key in entry if not key.startswith("PM2_")})
    return found
